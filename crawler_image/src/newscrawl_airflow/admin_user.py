"""The administrator of the UI: the account that the chart's Secret describes."""

from __future__ import annotations

from collections.abc import Mapping

import click


def ensure(environ: Mapping[str, str]) -> None:
    """Create the user of ADMIN_USERNAME, or bring its name, e-mail, role and password in step with the environment.

    The administrator is known by its name or else by its e-mail. Nothing without ADMIN_USERNAME. Raises ValueError when
    a variable is missing, the role does not exist, the e-mail is another user's, or Airflow does not take the change.
    """
    username = environ.get("ADMIN_USERNAME")
    if not username:
        click.echo("no ADMIN_USERNAME: no user made")
        return
    password = environ.get("ADMIN_PASSWORD")
    if not password:
        raise ValueError("ADMIN_PASSWORD is empty: the Secret of the chart's `admin` section must hold the password")
    email = environ.get("ADMIN_EMAIL") or f"{username}@example.org"

    from airflow.providers.fab.auth_manager.cli_commands.utils import get_application_builder
    from airflow.providers.fab.auth_manager.security_manager.override import FabException
    from airflow.utils.providers_configuration_loader import providers_configuration_loaded
    from werkzeug.security import check_password_hash

    @providers_configuration_loaded
    def run() -> None:
        with get_application_builder() as builder:
            manager = builder.sm
            wanted = environ.get("ADMIN_ROLE") or "Admin"
            role = manager.find_role(wanted)
            if role is None:
                known = ", ".join(sorted(one.name for one in manager.get_all_roles()))
                raise ValueError(f"ADMIN_ROLE: there is no role {wanted!r}; there are: {known}")
            user, owner = manager.find_user(username=username), manager.find_user(email=email)
            # the administrator under a new name; an account with fewer rights is somebody else's
            if user is None and owner is not None and role in owner.roles:
                user = owner
            if owner is not None and owner is not user:
                raise ValueError(f"ADMIN_EMAIL: {email} is the address of the user {owner.username}: choose another")
            if user is None:
                first, last = environ.get("ADMIN_FIRSTNAME") or username, environ.get("ADMIN_LASTNAME") or "Admin"
                try:
                    manager.add_user(username, first, last, email, role, password)
                except FabException as error:
                    raise ValueError(f"the user {username} could not be made, as Airflow says above") from error
                click.echo(f"user {username} made with the role {wanted}")
                return
            if (user.username, user.email) != (username, email) or role not in user.roles:
                user.username, user.email = username, email
                user.roles = [*user.roles, *([role] if role not in user.roles else [])]
                if not manager.update_user(user):
                    raise ValueError(f"the user {username} could not be changed, as Airflow says above")
                click.echo(f"user {username} updated")
            # a new hash each time would end every session at every upgrade
            if not check_password_hash(user.password, password):
                manager.reset_password(user.id, password)
                click.echo(f"password of {username} changed")

    run()
