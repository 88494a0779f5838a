-- A role that can pause an experiment and do nothing else, for rules with `action: pause` and
-- `dry_run: false`. `recwatch check` connects as it by RECWATCH_PAUSE_USER and
-- RECWATCH_PAUSE_PASSWORD when there is something to pause; everything else it reads as before.
--
-- Run it as the owner of the raw tables, with `raw` replaced by the schema they are in (`public`
-- on Supabase). It can be run again at any time.

do $$
begin
    if to_regrole('recwatch_pause') is null then
        create role recwatch_pause login;
    end if;
end
$$;

alter role recwatch_pause set statement_timeout = '10s';

grant usage on schema raw to recwatch_pause;
grant select (experiment_key, status, updated_at, loaded_at) on raw.experiments to recwatch_pause;
grant update (status, loaded_at) on raw.experiments to recwatch_pause;

-- Where row level security is on, a role without a policy sees no row, and no error. These let it
-- see every version, and leave nothing behind but a paused one.
drop policy if exists recwatch_pause_reads on raw.experiments;
create policy recwatch_pause_reads on raw.experiments
for select to recwatch_pause using (true);
drop policy if exists recwatch_pause_pauses on raw.experiments;
create policy recwatch_pause_pauses on raw.experiments
for update to recwatch_pause using (status = 'running') with check (status = 'paused');
