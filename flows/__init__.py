"""What runs, in what order: one Prefect flow per file, named as the flow."""
