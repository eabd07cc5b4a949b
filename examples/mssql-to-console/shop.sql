-- The database of compose.yaml's pipelines, made where it is missing, and its changes captured.
IF DB_ID(N'Shop') IS NULL
  CREATE DATABASE Shop;
GO
USE Shop;
GO
IF OBJECT_ID(N'dbo.Persons') IS NULL
BEGIN
  CREATE TABLE dbo.Persons (ID int PRIMARY KEY, Name nvarchar(100) NOT NULL);
  INSERT INTO dbo.Persons (ID, Name) VALUES (1, N'Ann'), (2, N'Ben');
END
GO
IF OBJECT_ID(N'dbo.Orders') IS NULL
BEGIN
  CREATE TABLE dbo.Orders (ID int PRIMARY KEY, PersonID int NOT NULL, Total decimal(10, 2) NOT NULL);
  INSERT INTO dbo.Orders (ID, PersonID, Total) VALUES (1, 1, 12.50);
END
GO
IF OBJECT_ID(N'dbo.Customers') IS NULL
  CREATE TABLE dbo.Customers (ID int PRIMARY KEY, Country nchar(2) NOT NULL);
GO
IF NOT EXISTS (SELECT 1 FROM sys.databases WHERE name = DB_NAME() AND is_cdc_enabled = 1)
  EXEC sys.sp_cdc_enable_db;
GO
IF NOT EXISTS (SELECT 1 FROM sys.tables WHERE name = N'Persons' AND is_tracked_by_cdc = 1)
  EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'Persons', @role_name = NULL;
IF NOT EXISTS (SELECT 1 FROM sys.tables WHERE name = N'Orders' AND is_tracked_by_cdc = 1)
  EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'Orders', @role_name = NULL;
IF NOT EXISTS (SELECT 1 FROM sys.tables WHERE name = N'Customers' AND is_tracked_by_cdc = 1)
  EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'Customers', @role_name = NULL;
GO
