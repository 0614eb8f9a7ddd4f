"""What makes Airflow run the crawler on queue workers: the parts of the image that know both."""
