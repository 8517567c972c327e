"""The kernel: facts and mathematics of the field. It knows no Django and no database."""
