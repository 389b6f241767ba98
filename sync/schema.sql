-- SPDX-License-Identifier: LGPL-2.1-or-later
-- The shared memory of a shop's benches: what idevicetriage-sync(8) stores in PostgreSQL 15 or later.
-- `idevicetriage-sync init` runs this file in one transaction, as a superuser or the owner of the database.
--
-- A phone is a keyed hash of its ECID; the key is on the benches alone. A bench is a role: it writes rows of its
-- own name, and reads others only through functions.

CREATE SCHEMA idevicetriage;

-- Of this file. A bench refuses a later one, and keeps what it has until it is upgraded.
CREATE TABLE idevicetriage.schema_version (version integer NOT NULL);
INSERT INTO idevicetriage.schema_version VALUES (1);

-- `host_id` is its computer, from its first connection on. `pushed` is how far its changes are stored here:
-- written together with them, so a server that was restored from a backup gets the rest again. `purged` is the last
-- purge that it has carried out.
CREATE TABLE idevicetriage.bench (
    name name PRIMARY KEY,
    host_id text UNIQUE,
    pushed text,
    purged bigint NOT NULL DEFAULT 0,
    enrolled timestamptz NOT NULL DEFAULT now(),
    seen timestamptz
);

-- The newest revision of each attempt. `content` is the change as the bench exports it, without identifiers.
CREATE TABLE idevicetriage.attempt (
    bench name NOT NULL DEFAULT session_user REFERENCES idevicetriage.bench,
    id uuid NOT NULL,
    revision bigint NOT NULL,
    device text NOT NULL CHECK (device ~ '^[0-9a-f]{64}$'),
    started timestamptz,
    received timestamptz NOT NULL DEFAULT now(),
    outcome text,
    port text,
    cable text,
    product text,
    tool text,
    content jsonb NOT NULL,
    PRIMARY KEY (bench, id)
);
CREATE INDEX attempt_of_device ON idevicetriage.attempt (device, received);
CREATE INDEX attempt_of_id ON idevicetriage.attempt (id);
CREATE INDEX attempt_of_cable ON idevicetriage.attempt (cable, received) WHERE cable IS NOT NULL;
CREATE INDEX attempt_of_tool ON idevicetriage.attempt (tool, received) WHERE tool IS NOT NULL;

-- What people said of a phone: notes, corrections, conditions. Of one with the same id, the newest counts.
CREATE TABLE idevicetriage.note (
    id uuid PRIMARY KEY,
    bench name NOT NULL DEFAULT session_user REFERENCES idevicetriage.bench,
    device text NOT NULL CHECK (device ~ '^[0-9a-f]{64}$'),
    at bigint NOT NULL,
    received timestamptz NOT NULL DEFAULT now(),
    content jsonb NOT NULL
);
CREATE INDEX note_of_device ON idevicetriage.note (device, received);

-- What was deleted: identifiers of attempts and notes alone. Numbers are in the order of commits.
CREATE TABLE idevicetriage.purge (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id uuid NOT NULL UNIQUE,
    at timestamptz NOT NULL DEFAULT now()
);

-- What was purged stays deleted, whichever bench delivers it again.
CREATE FUNCTION idevicetriage.skip_purged() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    -- After a purge that is not committed yet; and a later one waits for this row.
    LOCK TABLE idevicetriage.purge IN ROW EXCLUSIVE MODE;
    IF EXISTS (SELECT 1 FROM idevicetriage.purge WHERE id = NEW.id) THEN
        RETURN NULL;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER attempt_skip_purged BEFORE INSERT ON idevicetriage.attempt
    FOR EACH ROW EXECUTE FUNCTION idevicetriage.skip_purged();

-- Benches pass on what they read; its author has stored it.
CREATE FUNCTION idevicetriage.skip_known() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    -- After a purge that is not committed yet; and a later one waits for this row.
    LOCK TABLE idevicetriage.purge IN ROW EXCLUSIVE MODE;
    IF EXISTS (SELECT 1 FROM idevicetriage.purge WHERE id = NEW.id)
        OR EXISTS (SELECT 1 FROM idevicetriage.note n WHERE n.id = NEW.id AND n.bench <> NEW.bench) THEN
        RETURN NULL;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER note_skip_known BEFORE INSERT ON idevicetriage.note
    FOR EACH ROW EXECUTE FUNCTION idevicetriage.skip_known();

-- A bench with that phone attached reads what is new at once.
CREATE FUNCTION idevicetriage.announce() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM pg_notify('idevicetriage', NEW.device);
    RETURN NULL;
END $$;
CREATE TRIGGER attempt_announce AFTER INSERT OR UPDATE ON idevicetriage.attempt
    FOR EACH ROW EXECUTE FUNCTION idevicetriage.announce();
CREATE TRIGGER note_announce AFTER INSERT OR UPDATE ON idevicetriage.note
    FOR EACH ROW EXECUTE FUNCTION idevicetriage.announce();

ALTER TABLE idevicetriage.attempt ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON idevicetriage.attempt USING (bench = session_user) WITH CHECK (bench = session_user);
ALTER TABLE idevicetriage.note ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON idevicetriage.note USING (bench = session_user) WITH CHECK (bench = session_user);

-- Called once in each connection. `refusal` is for people, where this computer must not write as this bench.
CREATE FUNCTION idevicetriage.hello(wanted_host_id text,
    OUT refusal text, OUT pushed text, OUT purged bigint, OUT now_us bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    own idevicetriage.bench;
    other name;
BEGIN
    SELECT * INTO own FROM idevicetriage.bench b WHERE b.name = session_user FOR UPDATE;
    SELECT b.name INTO other FROM idevicetriage.bench b
        WHERE b.host_id = wanted_host_id AND b.name <> session_user;
    now_us := (extract(epoch FROM clock_timestamp()) * 1000000)::bigint;
    pushed := own.pushed;
    purged := own.purged;
    IF own.name IS NULL THEN
        refusal := format('The role %s is not enrolled as a bench.', session_user);
    ELSIF other IS NOT NULL THEN
        refusal := format('This computer writes as the bench %s already.', other);
    ELSIF own.host_id <> wanted_host_id THEN
        refusal := format('Another computer writes as the bench %s.', session_user);
    ELSIF NOT pg_try_advisory_lock(hashtextextended('idevicetriage ' || session_user, 0)) THEN
        refusal := format('Another computer is connected as the bench %s.', session_user);
    ELSE
        UPDATE idevicetriage.bench b SET host_id = wanted_host_id, seen = now() WHERE b.name = session_user;
    END IF;
END $$;

-- Stores how far the bench's changes are here; in the transaction that stores them.
CREATE FUNCTION idevicetriage.advance(reached text) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    UPDATE idevicetriage.bench SET pushed = reached, seen = now() WHERE name = session_user;
$$;

-- What other benches stored of these phones since a time.
CREATE FUNCTION idevicetriage.memory(devices text[], since timestamptz)
RETURNS TABLE (device text, id uuid, content jsonb)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT a.device, a.id, a.content FROM idevicetriage.attempt a
        WHERE a.device = ANY (devices) AND a.received >= since AND a.bench <> session_user
    UNION ALL
    SELECT n.device, n.id, n.content FROM idevicetriage.note n
        WHERE n.device = ANY (devices) AND n.received >= since AND n.bench <> session_user;
$$;

-- Attempts of all benches by cable (`kind` cable) and by tool with its version: in the last 90 days, for the cables
-- and tools that the bench itself has used. Of each, the newest 1000 count: a tool may have millions. To compile the
-- query would take much longer than the query.
CREATE FUNCTION idevicetriage.failures()
RETURNS TABLE (kind text, key text, attempts bigint, failed bigint, phones bigint, benches bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET jit = off AS $$
    WITH used AS (
        SELECT o.cable, o.tool FROM idevicetriage.attempt o
            WHERE o.bench = session_user AND o.received > now() - interval '90 days'),
    own AS (
        SELECT DISTINCT 'cable' AS kind, u.cable AS key FROM used u WHERE u.cable IS NOT NULL
        UNION ALL SELECT DISTINCT 'tool', u.tool FROM used u WHERE u.tool IS NOT NULL)
    SELECT own.kind, own.key, count(DISTINCT n.id), count(DISTINCT n.id) FILTER (WHERE n.outcome = 'failed'),
        count(DISTINCT n.device), count(DISTINCT n.bench)
        FROM own CROSS JOIN LATERAL (
            (SELECT a.id, a.outcome, a.device, a.bench FROM idevicetriage.attempt a
                WHERE own.kind = 'cable' AND a.cable = own.key AND a.received > now() - interval '90 days'
                ORDER BY a.received DESC LIMIT 1000)
            UNION ALL
            (SELECT a.id, a.outcome, a.device, a.bench FROM idevicetriage.attempt a
                WHERE own.kind = 'tool' AND a.tool = own.key AND a.received > now() - interval '90 days'
                ORDER BY a.received DESC LIMIT 1000)) n
        GROUP BY own.kind, own.key ORDER BY 4 DESC, 2 LIMIT 200;
$$;

-- Deletes these attempts and notes on the server, and with a time also all that is stored of the same phones from before
-- it; conditions, which hold until they are changed, only if the whole phone is purged. All of it is then purged on the
-- benches.
CREATE FUNCTION idevicetriage.purge(ids uuid[], whole_phone boolean, before timestamptz) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    devices text[];
    everything uuid[];
BEGIN
    -- One after the other, so that numbers are in the order of commits.
    LOCK TABLE idevicetriage.purge IN SHARE ROW EXCLUSIVE MODE;
    SELECT array_agg(d.device) INTO devices FROM (
        SELECT a.device FROM idevicetriage.attempt a WHERE before IS NOT NULL AND a.id = ANY (ids)
        UNION SELECT n.device FROM idevicetriage.note n WHERE before IS NOT NULL AND n.id = ANY (ids)) d;
    SELECT array_agg(u.id) INTO everything FROM (
        SELECT unnest(ids) AS id
        UNION SELECT a.id FROM idevicetriage.attempt a
            WHERE a.device = ANY (devices) AND coalesce(a.started, a.received) < before
        UNION SELECT n.id FROM idevicetriage.note n
            WHERE n.device = ANY (devices) AND to_timestamp(n.at / 1000000.0) < before
                AND (whole_phone OR n.content->>'kind' <> 'condition')) u;
    DELETE FROM idevicetriage.attempt a WHERE a.id = ANY (everything);
    DELETE FROM idevicetriage.note n WHERE n.id = ANY (everything);
    INSERT INTO idevicetriage.purge (id) SELECT unnest(everything) ON CONFLICT DO NOTHING;
    PERFORM pg_notify('idevicetriage', 'purge');
END $$;

-- What was purged after a number, at most 1000.
CREATE FUNCTION idevicetriage.purges(after bigint) RETURNS TABLE (number bigint, id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT p.number, p.id FROM idevicetriage.purge p WHERE p.number > after ORDER BY p.number LIMIT 1000;
$$;

-- The bench has carried out the purges up to this number.
CREATE FUNCTION idevicetriage.purged(reached bigint) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    UPDATE idevicetriage.bench SET purged = reached WHERE name = session_user;
$$;

-- Roles are of the whole cluster: another database of it may have made them.
DO $$
DECLARE
    role text;
BEGIN
    FOREACH role IN ARRAY ARRAY['idevicetriage_owner', 'idevicetriage_bench'] LOOP
        IF NOT EXISTS (SELECT 1 FROM pg_catalog.pg_roles WHERE rolname = role) THEN
            EXECUTE format('CREATE ROLE %I NOLOGIN', role);
        END IF;
    END LOOP;
END $$;
GRANT idevicetriage_owner TO CURRENT_USER;

-- The functions run as a role that owns this schema and nothing else.
DO $$
DECLARE
    item regclass;
    code regprocedure;
BEGIN
    EXECUTE 'ALTER SCHEMA idevicetriage OWNER TO idevicetriage_owner';
    FOR item IN SELECT c.oid FROM pg_catalog.pg_class c
        WHERE c.relnamespace = 'idevicetriage'::regnamespace AND c.relkind = 'r' LOOP
        EXECUTE format('ALTER TABLE %s OWNER TO idevicetriage_owner', item);
    END LOOP;
    FOR code IN SELECT p.oid FROM pg_catalog.pg_proc p WHERE p.pronamespace = 'idevicetriage'::regnamespace LOOP
        EXECUTE format('ALTER FUNCTION %s OWNER TO idevicetriage_owner', code);
        EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', code);
        EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO idevicetriage_bench', code);
    END LOOP;
END $$;
REVOKE ALL ON SCHEMA idevicetriage FROM PUBLIC;
GRANT USAGE ON SCHEMA idevicetriage TO idevicetriage_bench;
GRANT SELECT ON idevicetriage.schema_version TO idevicetriage_bench;
-- Of its own rows: ON CONFLICT reads them.
GRANT SELECT, INSERT (id, revision, device, started, outcome, port, cable, product, tool, content),
    UPDATE (revision, device, started, received, outcome, port, cable, product, tool, content)
    ON idevicetriage.attempt TO idevicetriage_bench;
GRANT SELECT, INSERT (id, device, at, content), UPDATE (device, at, received, content)
    ON idevicetriage.note TO idevicetriage_bench;
