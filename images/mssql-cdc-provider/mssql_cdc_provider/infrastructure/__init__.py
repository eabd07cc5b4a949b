"""What a task needs of its database, made and removed by T-SQL."""
