import ssl

import pytest

from studentapi.mysql.address import Address, InvalidAddress
from studentapi.mysql.database import Database


def test_url_is_read_in_all_its_parts() -> None:
    address = Address.parse(
        "mysql://us%40er:p%2Fw%3A@db1:3307,[2001:db8::1]:3308,db3/grade%20book?ssl_mode=required"
    )
    assert address.hosts == (("db1", 3307), ("2001:db8::1", 3308), ("db3", 3306))
    assert (address.user, address.password, address.database) == ("us@er", "p/w:", "grade book")
    assert address.ssl_mode == "required"


def test_password_is_in_no_repr() -> None:
    assert "geheim" not in repr(Address.parse("mysql://u:geheim@h/d"))


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("postgres://u:p@h/d", "begin with mysql"),
        ("mysql://h/d", "names no user"),
        ("mysql://u:p@/d", "names no host"),
        ("mysql://u:p@h", "end with one database name"),
        ("mysql://u:p@h/a/b", "end with one database name"),
        ("mysql://u:p@h:0x1/d", "host or port"),
        ("mysql://u:p@h:99999/d", "host or port"),
        ("mysql://u:p@h,/d", "names no host"),
        ("mysql://u:p#w@h/d", "#"),
        ("mysql://u:p@h/d?sslca=x", "unknown option 'sslca'"),
        ("mysql://u:p@h/d?ssl_mode=maybe", "ssl_mode"),
        ("mysql://u:p@h/d?ssl_ca=", "without a value"),
        ("mysql://u:p@h/d?ssl_mode=required&ssl_mode=disabled", "twice"),
        ("mysql://u:p@h/d?ssl_key=k", "without ssl_cert"),
        ("mysql://u:p@h/d?ssl_mode=disabled&ssl_ca=c", "disables TLS"),
        ("mysql://u:p@h/d?ssl_mode=required&ssl_ca=c", "would not check"),
    ],
)
def test_bad_url_is_refused_with_its_reason_and_without_its_secret(url: str, reason: str) -> None:
    with pytest.raises(InvalidAddress, match=reason) as caught:
        Address.parse(url)
    assert "u:p" not in str(caught.value)


def test_tls_context_is_made_once_and_checks_what_the_mode_says() -> None:
    preferred = Address.parse("mysql://u:p@h/d")
    assert preferred.ssl_context is preferred.ssl_context
    assert preferred.ssl_context is not None
    assert preferred.ssl_context.verify_mode is ssl.CERT_NONE
    assert Address.parse("mysql://u:p@h/d?ssl_mode=disabled").ssl_context is None
    verified = Address.parse("mysql://u:p@h/d?ssl_mode=verify_ca").ssl_context
    assert verified is not None
    assert verified.verify_mode is ssl.CERT_REQUIRED
    assert not verified.check_hostname
    identity = Address.parse("mysql://u:p@h/d?ssl_mode=verify_identity").ssl_context
    assert identity is not None
    assert identity.check_hostname


def test_a_certificate_that_is_not_there_is_told_at_once() -> None:
    with pytest.raises(InvalidAddress, match="cannot be read"):
        Database("mysql://u:p@h/d?ssl_ca=/no/such/file")
