-- Row-level security for the tables of ragkit: a role reads the rows of its collections, and of the documents that its
-- labels cover. Run it as the owner of the tables, again after every upgrade of ragkit:
--
--     psql -v ON_ERROR_STOP=1 -f tenants.sql DATABASE
--
-- Then, for each role (labels NULL: every document of the collection; '{}': those without labels only):
--
--     CREATE ROLE team_a LOGIN PASSWORD '...' IN ROLE ragkit_tenant;
--     INSERT INTO ragkit.tenants VALUES ('team_a', 'team-a', NULL), ('team_a', 'handbook', '{hr}');
--
-- The owner of the tables, whose address ragkit has, is not restricted; nor is a superuser.

BEGIN;
SET LOCAL client_min_messages = warning;

DO $$ BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'ragkit_tenant') THEN
    CREATE ROLE ragkit_tenant NOLOGIN;
  END IF;
END $$;

CREATE TABLE IF NOT EXISTS ragkit.tenants (
  role name NOT NULL, collection text COLLATE "C" NOT NULL, labels text[] COLLATE "C", PRIMARY KEY (role, collection)
);

GRANT USAGE ON SCHEMA ragkit TO ragkit_tenant;
GRANT SELECT ON ragkit.version, ragkit.tenants, ragkit.collections, ragkit.documents, ragkit.texts, ragkit.metadata,
  ragkit.chunks, ragkit.passages, ragkit.vectors, ragkit.unit_vectors, ragkit.fingerprints, ragkit.generations,
  ragkit.revisions, ragkit.removed_chunks, ragkit.adapters, ragkit.quantizers, ragkit.own_files,
  ragkit.own_file_pieces TO ragkit_tenant;

-- What a role sees of the table of tenants: its own rows.
ALTER TABLE ragkit.tenants ENABLE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS tenant ON ragkit.tenants;
CREATE POLICY tenant ON ragkit.tenants FOR SELECT USING (role = current_user);

ALTER TABLE ragkit.collections ENABLE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS tenant ON ragkit.collections;
CREATE POLICY tenant ON ragkit.collections FOR SELECT USING (
  EXISTS (SELECT FROM ragkit.tenants AS t WHERE t.role = current_user AND t.collection = name)
);

ALTER TABLE ragkit.documents ENABLE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS tenant ON ragkit.documents;
CREATE POLICY tenant ON ragkit.documents FOR SELECT USING (
  EXISTS (
    SELECT FROM ragkit.collections AS c JOIN ragkit.tenants AS t ON t.collection = c.name
    WHERE c.id = documents.collection AND t.role = current_user
      AND (t.labels IS NULL OR documents.acl IS NULL OR documents.acl && t.labels)
  )
);

-- The parts of a document follow the document: the policy of the table that a subquery reads applies within it.
DO $$
DECLARE part text;
BEGIN
  FOREACH part IN ARRAY '{texts,metadata,chunks}'::text[] LOOP
    EXECUTE format('ALTER TABLE ragkit.%I ENABLE ROW LEVEL SECURITY', part);
    EXECUTE format('DROP POLICY IF EXISTS tenant ON ragkit.%I', part);
    EXECUTE format('CREATE POLICY tenant ON ragkit.%1$I FOR SELECT USING (EXISTS (SELECT FROM ragkit.documents AS d
      WHERE d.collection = %1$I.collection AND d.id = %1$I.document_id))', part);
  END LOOP;
END $$;

ALTER TABLE ragkit.passages ENABLE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS tenant ON ragkit.passages;
CREATE POLICY tenant ON ragkit.passages FOR SELECT USING (
  EXISTS (SELECT FROM ragkit.chunks AS c WHERE c.collection = passages.collection AND c.id = passages.chunk_id)
);

ALTER TABLE ragkit.vectors ENABLE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS tenant ON ragkit.vectors;
CREATE POLICY tenant ON ragkit.vectors FOR SELECT USING (
  EXISTS (SELECT FROM ragkit.chunks AS c WHERE c.collection = vectors.collection AND c.vector_id = vectors.id)
);

ALTER TABLE ragkit.unit_vectors ENABLE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS tenant ON ragkit.unit_vectors;
CREATE POLICY tenant ON ragkit.unit_vectors FOR SELECT USING (
  EXISTS (SELECT FROM ragkit.chunks AS c
    WHERE c.collection = unit_vectors.collection AND c.vector_id = unit_vectors.vector_id)
);

-- Facts of a collection that name no document.
DO $$
DECLARE part text;
BEGIN
  FOREACH part IN ARRAY '{fingerprints,generations,revisions,removed_chunks,adapters,quantizers}'::text[] LOOP
    EXECUTE format('ALTER TABLE ragkit.%I ENABLE ROW LEVEL SECURITY', part);
    EXECUTE format('DROP POLICY IF EXISTS tenant ON ragkit.%I', part);
    EXECUTE format('CREATE POLICY tenant ON ragkit.%1$I FOR SELECT USING (EXISTS (SELECT FROM ragkit.collections AS c
      WHERE c.id = %1$I.collection))', part);
  END LOOP;
END $$;

-- Prompts, examples, feedback and originals quote documents of every label: for who sees the collection whole.
DO $$
DECLARE part text;
BEGIN
  FOREACH part IN ARRAY '{own_files,own_file_pieces}'::text[] LOOP
    EXECUTE format('ALTER TABLE ragkit.%I ENABLE ROW LEVEL SECURITY', part);
    EXECUTE format('DROP POLICY IF EXISTS tenant ON ragkit.%I', part);
    EXECUTE format('CREATE POLICY tenant ON ragkit.%1$I FOR SELECT USING (EXISTS (
      SELECT FROM ragkit.collections AS c JOIN ragkit.tenants AS t ON t.collection = c.name
      WHERE c.id = %1$I.collection AND t.role = current_user AND t.labels IS NULL))', part);
  END LOOP;
END $$;

COMMIT;
