"""Law 9: database time only, UTC, cut to the second."""


def test_no_time_lies_in_the_future(empty_queue, daemon, add_job, command):
    """The columns round (timestamp(0)): what is not cut before lies ahead half of the time."""
    db = empty_queue
    db.sql("CREATE TABLE public.ahead (job_id int, status text, at timestamp)")
    db.sql("CREATE FUNCTION public.look_ahead() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
           " INSERT INTO public.ahead SELECT NEW.id, NEW.status, t FROM unnest(ARRAY["
           "   NEW.created, NEW.modified, NEW.register_time, NEW.start_time, NEW.finish_time]) t"
           "  WHERE t > clock_timestamp() AT TIME ZONE 'UTC'; RETURN NULL; END $$")
    db.sql("CREATE TRIGGER look_ahead AFTER INSERT OR UPDATE ON public.jobs FOR EACH ROW"
           " EXECUTE FUNCTION public.look_ahead()")
    daemon()
    jobs = [int(command("-c", 2 + i % 3, "-j", "Example.CountJob", "sleep_ms=130",
                        f"tag={i}").stdout) for i in range(24)]
    db.wait_final(*jobs)
    assert db.sql("SELECT * FROM public.ahead") == []
    assert {db.status(job) for job in jobs} == {"OK"}


def test_delayed_job_is_not_early(empty_queue, daemon, command):
    """Start-after is kept by the database's clock, whatever the host's zone is."""
    db = empty_queue
    daemon(env={"TZ": "Pacific/Auckland", "PGTZ": "America/New_York"})
    job = int(command("-c", 2, "-j", "Example.NoopJob", "--delay", 2).stdout)
    row, = db.wait_final(job)
    assert row["status"] == "OK"
    assert row["register_time"] <= row["start_after_time"] <= row["start_time"]
    assert (row["start_time"] - row["start_after_time"]).total_seconds() <= 1
