"""The first user of the UI follows the values and its Secret; nobody else's account is touched."""

from __future__ import annotations

import pytest
from newscrawl_airflow import admin_user
from werkzeug.security import check_password_hash

ADMIN = {"ADMIN_USERNAME": "admin", "ADMIN_PASSWORD": "first", "ADMIN_EMAIL": "admin@example.org"}
FAB = "airflow.providers.fab.auth_manager.fab_auth_manager.FabAuthManager"


@pytest.fixture
def session(airflow_database, monkeypatch):
    """A session on a database without users."""
    from airflow import settings
    from airflow.providers.fab.auth_manager.models import Model, User
    from airflow.utils.session import create_session

    monkeypatch.setenv("AIRFLOW__CORE__AUTH_MANAGER", FAB)
    Model.metadata.create_all(settings.engine)
    with create_session() as session:
        yield session
        session.rollback()
        for user in session.query(User):
            session.delete(user)


@pytest.fixture
def users(session):
    """Gives the users by name: (id, e-mail, hash of the password, names of the roles)."""
    from airflow.providers.fab.auth_manager.models import User

    def read():
        session.rollback()
        found = session.query(User).order_by(User.id)
        return {one.username: (one.id, one.email, one.password, [role.name for role in one.roles]) for one in found}

    return read


def test_user_is_made_once(users):
    admin_user.ensure(ADMIN)
    made = users()
    number, email, password, roles = made["admin"]
    assert (email, roles) == ("admin@example.org", ["Admin"])
    assert check_password_hash(password, "first")
    admin_user.ensure(ADMIN)
    assert users() == made == {"admin": (number, email, password, roles)}


def test_password_and_email_follow(users):
    admin_user.ensure(ADMIN)
    number = users()["admin"][0]
    admin_user.ensure(ADMIN | {"ADMIN_PASSWORD": "second", "ADMIN_EMAIL": "desk@example.org"})
    ((name, (same, email, password, roles)),) = users().items()
    assert (name, same, email, roles) == ("admin", number, "desk@example.org", ["Admin"])
    assert check_password_hash(password, "second")


def test_new_name_with_the_same_email_is_the_same_user(users):
    admin_user.ensure(ADMIN)
    before = users()["admin"]
    admin_user.ensure(ADMIN | {"ADMIN_USERNAME": "boss"})
    assert users() == {"boss": before}


@pytest.mark.parametrize("exists", [False, True])
def test_an_address_of_somebody_else_is_refused(users, session, exists):
    from airflow.providers.fab.auth_manager.models import User

    if exists:
        admin_user.ensure(ADMIN)
    session.add(User(first_name="K", last_name="K", username="kim", email="kim@example.org", password="x"))
    session.commit()
    before = users()
    with pytest.raises(ValueError, match=r"ADMIN_EMAIL: kim@example.org is the address of the user kim"):
        admin_user.ensure(ADMIN | {"ADMIN_EMAIL": "kim@example.org"})
    assert users() == before


def test_what_is_missing_is_named(users):
    admin_user.ensure({})
    with pytest.raises(ValueError, match="ADMIN_PASSWORD"):
        admin_user.ensure(ADMIN | {"ADMIN_PASSWORD": ""})
    with pytest.raises(ValueError, match=r"ADMIN_ROLE: there is no role 'Boss'; there are: Admin"):
        admin_user.ensure(ADMIN | {"ADMIN_ROLE": "Boss"})
    assert users() == {}
