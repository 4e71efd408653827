use axum::http::HeaderValue;

use super::*;

fn headers(host: &str, origin: Option<&str>) -> HeaderMap {
    let value = |text: &str| HeaderValue::from_str(text).unwrap();
    let mut headers = HeaderMap::new();
    headers.insert(header::HOST, value(host));
    if let Some(origin) = origin {
        headers.insert(header::ORIGIN, value(origin));
    }
    headers
}

#[test]
fn only_names_of_this_machine_are_answered() {
    for host in [
        "127.0.0.1:4780",
        "127.1.2.3",
        "localhost:4780",
        "LOCALHOST",
        "[::1]:4780",
    ] {
        assert!(is_from_here(&headers(host, None)), "{host}");
    }
    for host in [
        "evil.example",
        "evil.example:4780",
        "127.0.0.1.evil.example",
        "localhost.evil.example",
        "192.0.2.1:4780",
        "[2001:db8::1]:4780",
        "localhost@evil.example",
        "",
    ] {
        assert!(!is_from_here(&headers(host, None)), "{host}");
    }
    // No browser leaves it out.
    assert!(is_from_here(&HeaderMap::new()));
}

#[test]
fn a_page_from_elsewhere_is_not_answered_whatever_host_it_names() {
    let here = "localhost:4780";
    assert!(is_from_here(&headers(here, Some("http://localhost:3000"))));
    for origin in ["https://evil.example", "null", "http://192.0.2.1", ""] {
        assert!(!is_from_here(&headers(here, Some(origin))), "{origin}");
    }
}

#[test]
fn two_hosts_in_one_request_have_to_be_this_machine_both() {
    let mut headers = headers("localhost", None);
    headers.append(header::HOST, HeaderValue::from_static("evil.example"));
    assert!(!is_from_here(&headers));
}
