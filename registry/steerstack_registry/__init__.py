"""steerstack's registry: vectors, runs and results in MLflow. The only importer of mlflow.

Nothing is imported here: MLflow loads :mod:`steerstack_registry.write.context` in every process that
imports MLflow, and that must not bring steerstack or torch with it.
"""
