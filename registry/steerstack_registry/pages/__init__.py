"""What people see in MLflow's pages."""
