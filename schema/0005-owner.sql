-- 0005: what runs with its owner's rights reads nothing but that owner's tables
--
-- jobd.foreign_ids is asked for tables that a plugin names. A view, or a table of somebody else's, would
-- run its maker's code with the rights of the owner of this function.

-- Which of `ids` are not live rows of `table_name` in that CO. Raises when the table is
-- not there or does not say which CO its rows belong to. It runs with its owner's rights,
-- because which tables a plugin's parameters name is not known beforehand, and tells ids only.
CREATE OR REPLACE FUNCTION jobd.foreign_ids(table_name text, co integer, ids integer[])
  RETURNS SETOF integer LANGUAGE plpgsql STABLE SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  target oid;
  live text := '';
  belongs text;
  attribute text;
BEGIN
  SELECT c.oid INTO target
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
   WHERE n.nspname = 'public' AND c.relname = table_name AND c.relkind IN ('r', 'p')
     AND pg_get_userbyid(c.relowner) = current_user;
  IF target IS NULL THEN
    RAISE EXCEPTION 'the Registry has no table "%"', table_name USING ERRCODE = 'undefined_table';
  END IF;
  FOR attribute IN SELECT attname FROM pg_attribute WHERE attrelid = target AND attnum > 0
                                                      AND NOT attisdropped LOOP
    IF attribute = 'co_id' THEN
      belongs := 't.co_id = $2';
    ELSIF attribute = 'person_id' AND table_name <> 'people' AND belongs IS NULL THEN
      belongs := 'EXISTS (SELECT FROM public.people p WHERE p.id = t.person_id AND p.co_id = $2)';
    ELSIF attribute = 'deleted' THEN
      live := live || ' AND t.deleted IS NOT TRUE';
    END IF;
    -- The pointer of the changelog has the table's name in the singular.
    IF (table_name = 'people' AND attribute = 'person_id')
       OR (attribute LIKE '%\_id' AND table_name IN
           (left(attribute, -3) || 's', regexp_replace(left(attribute, -3), 'y$', '') || 'ies')) THEN
      live := live || format(' AND t.%I IS NULL', attribute);
    END IF;
  END LOOP;
  IF belongs IS NULL THEN
    RAISE EXCEPTION 'table "%" does not say which CO its rows belong to', table_name
      USING ERRCODE = 'undefined_column';
  END IF;
  RETURN QUERY EXECUTE format(
    'SELECT i FROM unnest($1) i WHERE NOT EXISTS (SELECT FROM public.%I t WHERE t.id = i AND %s%s)',
    table_name, belongs, live) USING ids, co;
END $$;

-- The database in which this schema was installed, or adopted. A copy of it has the row and is another
-- database: it does not run the jobs of the original unasked. A standby is the same one.
CREATE TABLE jobd.origin (
  is_only           boolean PRIMARY KEY DEFAULT true CHECK (is_only),
  system_identifier bigint NOT NULL,
  database_oid      oid NOT NULL
);
INSERT INTO jobd.origin (system_identifier, database_oid)
SELECT s.system_identifier, d.oid
  FROM pg_control_system() s, pg_database d WHERE d.datname = current_database();
