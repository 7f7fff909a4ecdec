"""The tools of the other tests here: a cut cable is one, a black hole swallows, and nothing is left."""
import os
import pathlib
import time

import psycopg2
import pytest
from conftest import wait_for
from lab import BaseHost, Deaths, Proxy, hosts, is_alive, lab, proxy, real_hosts  # noqa: F401


def connect(conninfo, timeout=2):
    return psycopg2.connect(conninfo, connect_timeout=timeout)


def ask(conn):
    cursor = conn.cursor()
    cursor.execute("SELECT 1")
    return cursor.fetchone()[0]


def test_hosts_have_names_and_a_network(real_hosts, empty_queue, lab):
    """Each host has its own name, reaches PostgreSQL over TCP, and nothing else."""
    one, two = real_hosts(2)
    for host in (one, two):
        host.start()
    print("checked: status shows both hosts from both")
    for host in (one, two):
        text = host.job("status").stdout
        assert one.name in text and two.name in text, text
    names = {row["host"] for row in empty_queue.sql("SELECT host FROM jobd.supervisor")}
    assert names == {one.name, two.name}
    for row in empty_queue.sql("SELECT client_addr::text AS at FROM pg_stat_activity WHERE"
                               " application_name = 'registry-jobd supervisor'"
                               " AND datname = current_database()"):
        assert row["at"].startswith(lab.NET)
    assert lab.ADDRESS not in pathlib.Path("/proc/net/fib_trie").read_text()


@pytest.mark.limit(30)
def test_a_cut_cable(hosts, empty_queue):
    """While a host is cut off its daemon does not renew; afterwards it does, over whatever it has."""
    db = empty_queue
    host, = hosts(1)
    host.start(heartbeat="1s", lease="30s")

    def seen():
        return db.value("SELECT extract(epoch FROM clock_timestamp() - seen) FROM jobd.supervisor")
    host.cut()
    print("injected: the host is cut off")
    wait_for(lambda: seen() > 3, 10)
    host.rejoin()
    wait_for(lambda: seen() < 1.5, 25)
    print("checked: no renewal for 3 s, and one after rejoining")


def test_proxy(db, proxy):
    """Forwards, swallows, delays, cuts and refuses."""
    name = db.name
    conn = connect(proxy.conninfo(name))
    assert ask(conn) == 1
    proxy.black_hole()
    with pytest.raises(psycopg2.OperationalError):
        connect(proxy.conninfo(name))
    proxy.forward()
    assert ask(conn) == 1  # what was open before is open still
    proxy.delay(0.3)
    start = time.monotonic()
    ask(conn)
    assert time.monotonic() - start >= 0.6  # there and back
    proxy.forward()
    other = connect(proxy.conninfo(name) + " application_name=other")
    assert proxy.cut("other") == 1
    with pytest.raises(psycopg2.Error):
        ask(other)
    assert ask(conn) == 1
    proxy.refuse()
    with pytest.raises(psycopg2.OperationalError):
        connect(proxy.conninfo(name))
    assert ask(conn) == 1
    proxy.forward()
    assert ask(connect(proxy.conninfo(name))) == 1


def test_proxy_over_tcp(db):
    """The same on a port of the loopback address."""
    tcp = Proxy(db.cluster.dir / ".s.PGSQL.5432", tcp=True)
    try:
        conn = connect(tcp.conninfo(db.name) + " application_name=here")
        assert ask(conn) == 1 and tcp.applications() == ["here"]
        tcp.refuse()
        with pytest.raises(psycopg2.OperationalError):
            connect(tcp.conninfo(db.name))
        tcp.forward()
        assert ask(connect(tcp.conninfo(db.name))) == 1
    finally:
        tcp.close()


def test_nothing_is_left(hosts, empty_queue, lab, trace):
    """A killed host has no process any more; a removed one no namespace."""
    host, = hosts(1)
    host.start()
    pids = [host.living()[0].pid]
    deaths = Deaths(trace)
    deaths.watch(*pids)
    host.kill()
    assert not any(is_alive(pid) for pid in pids)
    wait_for(lambda: pids[0] in deaths.times)
    namespace = getattr(host, "namespace", None)
    lab.clear()
    assert isinstance(host, BaseHost)
    if namespace:
        assert not os.path.exists(f"/proc/{namespace.pid}")
