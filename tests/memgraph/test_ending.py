"""How the server ends, and how it goes on after one of its processes is killed. The processes and signals are real."""

import json
import signal
import socket
import subprocess
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from tests.memgraph.processes import START_SECONDS, Server, connect, wait_for


def interrupt_rounds(data_dir: Path, rounds: int) -> None:
    for _ in range(rounds):
        with Server(data_dir) as server:
            tree = server.wait_until_healthy().tree()
            server.interrupt()
            server.assert_ends(tree)
            assert server.process.returncode in (0, 130)


def test_interrupt_ends_everything_in_time(data_dir: Path) -> None:
    interrupt_rounds(data_dir, 1)


@pytest.mark.soak
def test_interrupt_ends_everything_in_time_ten_times_of_ten(data_dir: Path) -> None:
    interrupt_rounds(data_dir, 10)


@pytest.mark.parametrize("moment", ["Preparing", "starting on"])
def test_interrupt_during_the_start_is_tidy(folder: Path, moment: str) -> None:
    with Server(folder / f"early {moment}") as server:
        wait_for(lambda: moment in server.text(), START_SECONDS, moment)
        tree = server.tree()
        server.interrupt()
        server.assert_ends(tree)
        assert server.process.returncode in (0, 130)


def test_termination_lets_a_kept_alive_client_go(server: Server) -> None:
    with socket.create_connection(("127.0.0.1", server.port)) as client:
        client.sendall(b"GET /live HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert b"200 OK" in client.recv(100)
        tree = server.tree()
        server.process.terminate()
        server.assert_ends(tree, 20)  # less than what a request in flight would get
    assert server.process.returncode == 0


def test_interrupt_does_not_wait_for_a_client_that_hangs(server: Server) -> None:
    head = b"POST /v1/auth/login HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n{"
    with socket.create_connection(("127.0.0.1", server.port)) as client:
        client.sendall(head)
        tree = server.tree()
        server.interrupt()
        server.assert_ends(tree)


def test_hangup_reloads_the_workers(server: Server) -> None:
    before = server.worker()
    server.process.send_signal(signal.SIGHUP)
    wait_for(lambda: not before.is_running(), 10, "the old worker is gone")
    server.wait_until_healthy()


def test_next_start_works_after_kill_of_the_supervisor(data_dir: Path) -> None:
    with Server(data_dir) as server:
        tree = server.wait_until_healthy().tree()
        tree[0].kill()
        server.assert_ends(tree)
        with Server(data_dir, port=server.port) as successor:
            successor.wait_until_healthy()


def test_killed_gunicorn_is_started_again(server: Server) -> None:
    for _ in range(2):
        killed = server.gunicorn()
        killed.kill()
        wait_for(lambda killed=killed: not killed.is_running(), 5, "it is gone")
        server.wait_until_healthy()
    assert "gunicorn stopped unexpectedly (code -9)" in server.text()


def test_next_start_works_at_once_after_kill_of_all(data_dir: Path) -> None:
    with Server(data_dir) as server:
        for process in server.wait_until_healthy().tree():
            with suppress(psutil.NoSuchProcess):  # it ends with its parent
                process.kill()
        with Server(data_dir) as successor:
            successor.wait_until_healthy()


def test_next_start_works_after_kill_in_the_first_one(folder: Path) -> None:
    data_dir = folder / "cut short"
    with Server(data_dir) as server:
        wait_for(lambda: list(data_dir.glob("postgres.new-*")), START_SECONDS, "initdb is at work")
        server.process.kill()
    with Server(data_dir) as successor:
        successor.wait_until_healthy()
    assert not list(data_dir.glob("postgres.new-*"))


def test_stale_pid_file_that_names_another_program_is_no_hindrance(data_dir: Path) -> None:
    stranger = subprocess.Popen(["sleep", "60"], user=(data_dir / "postgres").stat().st_uid)
    try:
        (data_dir / "postgres" / "postmaster.pid").write_text(f"{stranger.pid}\n{data_dir}/postgres\n")
        with Server(data_dir) as server:
            server.wait_until_healthy()
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_killed_worker_is_replaced(server: Server) -> None:
    server.worker().kill()
    server.wait_until_healthy(10)
    wait_for(lambda: "SIGKILL" in server.text(), 5, "gunicorn says so")
    (line,) = (line for line in server.text().splitlines() if "SIGKILL" in line)
    assert json.loads(line)["logger"] == "gunicorn.error"
    assert "Traceback" not in server.text()


def test_killed_postgresql_comes_back_with_every_committed_row(server: Server) -> None:
    with connect(server.data_dir) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    killed = server.postmaster()
    killed.kill()
    wait_for(lambda: server.postmaster() != killed, 5, "another PostgreSQL runs")
    server.wait_until_healthy(5)
    with connect(server.data_dir) as connection:
        assert connection.execute("SELECT answer FROM kept").fetchone() == (42,)
        connection.execute("DROP TABLE kept")
