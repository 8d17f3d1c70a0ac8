"""The schema's history, in Alembic's form. Its newest state is the only definition of the schema."""
