"""Sockets to listen on: every address a target stands for, or one sentence why not."""

from __future__ import annotations

import contextlib
import os
import socket
from contextlib import ExitStack, closing
from typing import TYPE_CHECKING, Any

import pytest

from netecho.errors import UnreachableError
from netecho.net.server.sockets import UNSENT, BoundSocket, bind_again, bind_all, close_all
from netecho.target import Target, parse_listen

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    Bind = Callable[..., list[BoundSocket]]


@pytest.fixture
def bind() -> Iterator[Bind]:
    """Bind what the arguments of `netecho serve` say; everything is closed at the end."""
    with ExitStack() as stack:

        def bind(*arguments: str, **options: bool) -> list[BoundSocket]:
            bound = bind_all([target for each in arguments for target in parse_listen(each)], **options)
            stack.callback(close_all, bound)
            return bound

        yield bind


def kinds(bound: list[BoundSocket]) -> list[tuple[str, str]]:
    return [(each.scheme, each.address) for each in bound]


def has_ipv6() -> bool:
    with contextlib.suppress(OSError), socket.socket(socket.AF_INET6) as trial:
        trial.bind(("::1", 0))
        return True
    return False


def test_no_scheme_is_tcp_and_udp_on_one_port(bind: Bind) -> None:
    bound = bind("127.0.0.1:0")
    assert kinds(bound) == [("tcp", "127.0.0.1"), ("udp", "127.0.0.1")]
    assert bound[0].port == bound[1].port != 0


def test_an_empty_host_is_every_address_on_one_port(bind: Bind) -> None:
    bound = bind(":0")
    four = [("tcp", "0.0.0.0"), ("tcp", "::"), ("udp", "0.0.0.0"), ("udp", "::")]
    assert kinds(bound) in (four, [("tcp", "0.0.0.0"), ("udp", "0.0.0.0")])
    assert len({each.port for each in bound}) == 1


def test_two_free_ports_are_two(bind: Bind) -> None:
    bound = bind("tcp://127.0.0.1:0", "tls://127.0.0.1:0")
    assert bound[0].port != bound[1].port


def test_the_url_is_one_to_listen_on_again(bind: Bind) -> None:
    (bound,) = bind("tcp://127.0.0.1:0")
    url = bound.url
    assert url == f"tcp://127.0.0.1:{bound.port}"
    close_all([bound])
    assert bind(url)[0].url == url


@pytest.mark.skipif(not has_ipv6(), reason="no IPv6 on this machine")
def test_ipv6_is_in_brackets_and_leaves_ipv4_alone(bind: Bind) -> None:
    (six,) = bind("tcp://[::1]:0")
    assert six.url == f"tcp://[::1]:{six.port}"
    # Not by binding its port over IPv4 as well: another process may have that one.
    assert six.socket.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY) == 1


def test_a_port_in_use(bind: Bind) -> None:
    (first,) = bind("tcp://127.0.0.1:0")
    with pytest.raises(UnreachableError, match=rf"{first.url}: the port is in use") as raised:
        bind(first.url)
    assert f"sport = :{first.port}" in (raised.value.hint or "")


def test_an_address_of_another_machine(bind: Bind) -> None:
    with pytest.raises(UnreachableError, match="no such address"):
        bind("udp://192.0.2.1:7007")


def test_a_name_that_does_not_resolve(bind: Bind) -> None:
    with pytest.raises(UnreachableError, match=r"'no-such-host\.invalid' does not resolve"):
        bind("tcp://no-such-host.invalid:7007")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may")
def test_a_low_port_without_permission(bind: Bind) -> None:
    with pytest.raises(UnreachableError, match="not permitted") as raised:
        bind("tcp://127.0.0.1:7")
    assert "1024" in (raised.value.hint or "")


def test_if_one_cannot_be_had_none_is_kept(bind: Bind) -> None:
    (taken,) = bind("tcp://127.0.0.1:0")
    (released,) = bind("tcp://127.0.0.1:0")
    free = released.url
    close_all([released])
    with pytest.raises(UnreachableError):
        bind(free, taken.url)
    bind(free)


def test_what_every_connection_inherits(bind: Bind) -> None:
    (bound,) = bind("tcp://127.0.0.1:0")
    with closing(socket.create_connection((bound.address, bound.port))):
        bound.socket.settimeout(20)
        accepted, _ = bound.socket.accept()
        with accepted:
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT) == UNSENT


def test_shared_ports_can_be_bound_again_by_us(bind: Bind) -> None:
    first = bind("127.0.0.1:0", shared=True)
    second = bind_again(first)
    assert [each.url for each in second] == [each.url for each in first]
    close_all(second)


def test_but_not_by_another_server(bind: Bind) -> None:
    first = bind("127.0.0.1:0", shared=True)
    for each in first:
        with pytest.raises(UnreachableError, match="in use"):
            bind(each.url, shared=True)


class TestUnix:
    @pytest.fixture
    def path(self, tmp_path_factory: pytest.TempPathFactory) -> Path:
        # A socket's path may have 107 bytes, and the folders of long test names have more.
        return tmp_path_factory.mktemp("u") / "s"

    def test_a_link_put_in_its_place_is_not_followed(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        secret = path.with_name("secret")
        secret.touch(0o600)

        class Raced(socket.socket):
            """Somebody who may write to the folder is as quick as can be."""

            def bind(self, address: Any) -> None:
                super().bind(address)
                path.unlink()
                path.symlink_to(secret)

        monkeypatch.setattr("netecho.net.server.unix_socket.socket.socket", Raced)
        close_all(bind_all([Target("unix", path=str(path))], mode=0o666))
        assert secret.stat().st_mode & 0o777 == 0o600

    @pytest.mark.parametrize("mode", [0o600, 0o660, 0o777])
    def test_it_has_the_permissions_it_was_asked_for(self, path: Path, mode: int) -> None:
        bound = bind_all([Target("unix", path=str(path))], mode=mode)
        assert path.stat().st_mode & 0o777 == mode
        assert bound[0].url == f"unix:{path}"
        close_all(bound)

    def test_it_is_removed_at_the_end(self, path: Path, bind: Bind) -> None:
        close_all(bind(f"unix:{path}"))
        assert not path.exists()

    def test_a_file_that_another_has_put_there_is_not(self, path: Path, bind: Bind) -> None:
        bound = bind(f"unix:{path}")
        path.unlink()
        path.write_text("precious")
        close_all(bound)
        assert path.read_text() == "precious"

    def test_a_stale_one_is_replaced(self, path: Path, bind: Bind) -> None:
        with closing(socket.socket(socket.AF_UNIX)) as dead:
            dead.bind(str(path))
        bind(f"unix:{path}")
        with closing(socket.socket(socket.AF_UNIX)) as client:
            client.connect(str(path))

    def test_a_live_one_is_not(self, path: Path, bind: Bind) -> None:
        bind(f"unix:{path}")
        with pytest.raises(UnreachableError, match="a server answers there"):
            bind(f"unix:{path}")

    def test_nor_is_one_whose_server_is_too_busy_to_accept(self, path: Path, bind: Bind) -> None:
        with ExitStack() as stack:
            busy = stack.enter_context(closing(socket.socket(socket.AF_UNIX)))
            busy.bind(str(path))
            busy.listen(0)
            for _ in range(2):
                waiting = stack.enter_context(closing(socket.socket(socket.AF_UNIX)))
                waiting.setblocking(False)
                waiting.connect_ex(str(path))
            with pytest.raises(UnreachableError, match="a server answers there"):
                bind(f"unix:{path}")

    def test_nor_one_that_takes_datagrams(self, path: Path, bind: Bind) -> None:
        with closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as other:
            other.bind(str(path))
            with pytest.raises(UnreachableError, match="a server answers there"):
                bind(f"unix:{path}")

    def test_a_file_that_is_no_socket_is_left_alone(self, path: Path, bind: Bind) -> None:
        path.write_text("precious")
        with pytest.raises(UnreachableError, match="not a socket"):
            bind(f"unix:{path}")
        assert path.read_text() == "precious"

    def test_a_directory_that_is_not_there(self, path: Path, bind: Bind) -> None:
        with pytest.raises(UnreachableError, match=f"no directory '{path.parent}/none'"):
            bind(f"unix:{path.parent}/none/s")

    @pytest.mark.skipif(os.geteuid() == 0, reason="root may")
    def test_a_directory_without_permission(self, path: Path, bind: Bind) -> None:
        path.parent.chmod(0o500)
        with pytest.raises(UnreachableError, match="not permitted"):
            bind(f"unix:{path}")

    def test_several_processes_share_the_same_one(self, path: Path, bind: Bind) -> None:
        bound = bind(f"unix:{path}", shared=True)
        again = bind_again(bound)
        close_all(again)
        assert path.exists()
