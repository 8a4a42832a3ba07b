// The catalogue in set-based queries, with names in place of numbers. Texts only. Run with search_path = pg_catalog, so that nothing that a user
// created can stand in for what is named here, and every name that the server writes is whole.

/**
 * Roles but the server's own, of the names in `$1`, or all. `canReadPasswords`: whether what the server keeps of passwords may be read. Comments
 * are looked up role by role: nobody analyses the shared catalogues after many roles were made, and a join is then planned as a nested loop
 * over all comments (10,000 roles: 2 to 6 s in place of 0.1 s).
 */
export const rolesQuery = (canReadPasswords: boolean): string => `
  SELECT r.rolname AS name, r.rolcanlogin AS login, r.rolname = current_user AS connecting,
         r.rolsuper AS superuser, r.rolcreatedb AS createdb, r.rolcreaterole AS createrole, r.rolreplication AS replication,
         r.rolbypassrls AS bypassrls, r.rolinherit AS inherit, r.rolconnlimit AS "connectionLimit",
         CASE WHEN isfinite(r.rolvaliduntil)
              THEN to_char(r.rolvaliduntil AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US') END AS "validUntil",
         (SELECT d.description FROM pg_shdescription d WHERE d.objoid = r.oid AND d.classoid = 'pg_authid'::regclass) AS comment,
         ${canReadPasswords ? `(SELECT left(encode(sha256(convert_to(a.rolpassword, 'UTF8')), 'hex'), 32) FROM pg_authid a WHERE a.oid = r.oid)` : 'NULL'} AS stored,
         coalesce(m.memberships, '[]') AS memberships
  FROM pg_roles r
  LEFT JOIN (
    SELECT m.member, json_agg(json_build_object(
             'role', g.rolname, 'grantor', pg_get_userbyid(m.grantor), 'admin', m.admin_option,
             'inherit', coalesce((to_jsonb(m)->>'inherit_option')::boolean, true),
             'set', coalesce((to_jsonb(m)->>'set_option')::boolean, true))) AS memberships
    FROM pg_auth_members m JOIN pg_roles g ON g.oid = m.roleid
    GROUP BY m.member
  ) m ON m.member = r.oid
  WHERE r.rolname !~ '^pg_' AND ($1::text[] IS NULL OR r.rolname = ANY($1))
  ORDER BY r.rolname`

export const serverQuery = `
  SELECT has_table_privilege('pg_authid', 'SELECT') AS "canReadPasswords",
         current_setting('server_version_num')::int AS version,
         ARRAY(SELECT datname::text FROM pg_database) AS databases`

/** Databases that hold something of these roles. */
export const databasesOfRolesQuery = `
  SELECT DISTINCT b.datname AS name
  FROM pg_shdepend d JOIN pg_database b ON b.oid = d.dbid JOIN pg_roles r ON r.oid = d.refobjid
  WHERE d.refclassid = 'pg_authid'::regclass AND r.rolname = ANY($1)`

/**
 * One row an object that has an access list: kind, names of the object, its owner, and the list. `[:]` gives the list as one plain value: a long
 * one is kept compressed, and aclexplode would unpack all of it again for each of its entries.
 */
const LISTS = `
  SELECT 'database' AS kind, NULL::name AS schema, datname AS name, NULL::text AS detail, datdba AS owner, datacl[:] AS list
  FROM pg_database WHERE datname = current_database()
  UNION ALL
  SELECT 'schema', nspname, NULL, NULL, nspowner, nspacl[:] FROM pg_namespace
  UNION ALL
  SELECT CASE relkind WHEN 'S' THEN 'sequence' ELSE 'table' END, nspname, relname, NULL, relowner, relacl[:]
  FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace WHERE relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
  UNION ALL
  SELECT 'column', nspname, relname, attname, relowner, attacl[:]
  FROM pg_attribute t JOIN pg_class c ON c.oid = attrelid JOIN pg_namespace n ON n.oid = relnamespace
  WHERE attacl IS NOT NULL AND NOT attisdropped
  UNION ALL
  SELECT 'function', nspname, proname, oidvectortypes(proargtypes), proowner, proacl[:]
  FROM pg_proc JOIN pg_namespace n ON n.oid = pronamespace WHERE proacl IS NOT NULL
  UNION ALL
  SELECT 'default', nspname, pg_get_userbyid(defaclrole), defaclobjtype::text, defaclrole, defaclacl[:]
  FROM pg_default_acl LEFT JOIN pg_namespace n ON n.oid = defaclnamespace`

/**
 * What the roles of `$1` were given in this database: one row an object, with `[role, privilege, grantable]` of each entry of its list, in any
 * order, some more than once (from several grantors). What an owner has on its own objects is not given.
 */
export const grantsQuery = `
  SELECT l.kind, l.schema, l.name, l.detail, json_agg(json_build_array(r.rolname, a.privilege_type, a.is_grantable)) AS entries
  FROM (${LISTS}) l, aclexplode(l.list) a JOIN pg_roles r ON r.oid = a.grantee
  WHERE r.rolname = ANY($1) AND a.grantee <> l.owner
  GROUP BY l.kind, l.schema, l.name, l.detail`

/** The entries of one object for one role: `$1` role, `$2` kind, `$3` schema, `$4` name, `$5` detail. */
export const entriesQuery = `
  SELECT pg_get_userbyid(a.grantor) AS grantor, pg_get_userbyid(l.owner) AS owner, a.privilege_type AS privilege, a.is_grantable AS grantable
  FROM (${LISTS}) l, aclexplode(l.list) a
  WHERE a.grantee = (SELECT oid FROM pg_roles WHERE rolname = $1) AND a.grantee <> l.owner AND l.kind = $2
    AND l.schema IS NOT DISTINCT FROM $3::name AND l.name IS NOT DISTINCT FROM $4::name AND l.detail IS NOT DISTINCT FROM $5::text`

/** Everything in the schemas of `$1` that can be granted on. */
export const objectsQuery = `
  SELECT 'schema' AS kind, nspname AS schema, NULL::name AS name, NULL::text AS detail, pg_get_userbyid(nspowner) AS owner
  FROM pg_namespace WHERE nspname = ANY($1)
  UNION ALL
  SELECT CASE relkind WHEN 'S' THEN 'sequence' ELSE 'table' END, nspname, relname, NULL, pg_get_userbyid(relowner)
  FROM pg_class JOIN pg_namespace n ON n.oid = relnamespace
  WHERE nspname = ANY($1) AND relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
  UNION ALL
  SELECT 'function', nspname, proname, oidvectortypes(proargtypes), pg_get_userbyid(proowner)
  FROM pg_proc JOIN pg_namespace n ON n.oid = pronamespace WHERE nspname = ANY($1)`

/**
 * What keeps the roles of `$1` from being dropped and is not a grant that is managed here: what they own above all. `$2`: what belongs to no
 * database, in place of what is in this one. Default privileges of a role that only name roles of `$1` are gone when these are revoked.
 */
export const obstaclesQuery = `
  SELECT r.rolname AS role,
         CASE d.deptype WHEN 'o' THEN 'owns ' WHEN 'r' THEN 'is named by ' ELSE 'has privileges on ' END
           || pg_describe_object(d.classid, d.objid, d.objsubid) AS what
  FROM pg_shdepend d JOIN pg_roles r ON r.oid = d.refobjid
  WHERE d.refclassid = 'pg_authid'::regclass AND r.rolname = ANY($1)
    AND d.dbid = CASE WHEN $2 THEN 0::oid ELSE (SELECT oid FROM pg_database WHERE datname = current_database()) END
    AND NOT (d.deptype = 'a' AND d.classid IN
      ('pg_class'::regclass, 'pg_namespace'::regclass, 'pg_proc'::regclass, 'pg_database'::regclass, 'pg_default_acl'::regclass))
    AND NOT (d.classid = 'pg_default_acl'::regclass AND d.deptype = 'o' AND EXISTS (
      SELECT FROM pg_default_acl l, aclexplode(l.defaclacl) a LEFT JOIN pg_roles g ON g.oid = a.grantee
      WHERE l.oid = d.objid
      HAVING bool_and(a.grantee = l.defaclrole OR g.rolname = ANY($1) OR (a.grantee = 0 AND l.defaclnamespace = 0))
         AND bool_or(a.grantee <> l.defaclrole AND a.grantee <> 0)))
  ORDER BY 1, 2`

/** `$1` schema, `$2` name, `$3` types of its arguments; null for every function of the name. */
export const signatureQuery = `
  SELECT p.oid::regprocedure::text AS signature
  FROM pg_proc p JOIN pg_namespace n ON n.oid = pronamespace
  WHERE nspname = $1 AND proname = $2 AND oidvectortypes(proargtypes) = $3`
