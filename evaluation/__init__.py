"""What a run was worth: result files, tables, reports, requirements and classical baselines."""
