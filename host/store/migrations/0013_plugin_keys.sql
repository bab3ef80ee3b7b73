-- PostgreSQL alone, where a text sorts as the database's language has it: plugins are promised the order of bytes.
ALTER TABLE plugin_storage ALTER COLUMN key TYPE TEXT COLLATE "C";
