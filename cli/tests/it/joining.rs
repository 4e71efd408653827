//! Joining a network by a file or by an address on the web, and being told how far one gets.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::Stdio;
use std::thread;

use serde_json::Value;

use crate::support::{Network, PATIENCE, Ran, Started, eventually, folder, program, run, text_of};

/// Longer than any network file.
const TOO_LONG: usize = 5 * 1024 * 1024;

/// A server on the web that has these files, until the tests end. Where it is.
fn serve(files: Vec<(&'static str, Vec<u8>)>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("there is a free port");
    let at = listener.local_addr().expect("it is bound");
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            // Whoever has seen enough hangs up.
            let _ = answer(stream, &files);
        }
    });
    at.to_string()
}

fn answer(mut stream: TcpStream, files: &[(&str, Vec<u8>)]) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream.try_clone()?).lines();
    let asked = lines.next().transpose()?.unwrap_or_default();
    for line in lines {
        if line?.is_empty() {
            break;
        }
    }
    let path = asked.split(' ').nth(1).unwrap_or_default();
    let head = |status: &str, length: usize| {
        format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n")
    };
    if path == "/moved" {
        return write!(stream, "{}Location: /network\r\n\r\n", head("302 Found", 0));
    }
    let Some((_, body)) = files.iter().find(|(name, _)| *name == path) else {
        return write!(stream, "{}\r\n", head("404 Not Found", 0));
    };
    write!(stream, "{}\r\n", head("200 OK", body.len()))?;
    stream.write_all(body)
}

#[track_caller]
fn check(ran: &Ran, code: i32, words: &[&str]) {
    assert_eq!(ran.code, code, "{ran:?}");
    for word in words {
        assert!(ran.stderr.contains(word), "{word}: {ran:?}");
    }
}

#[test]
fn a_network_file_comes_from_the_web_and_has_to_be_the_one_that_is_wanted() {
    let network = Network::start();
    let file = fs::read(network.root().join("genesis")).expect("the document is there");
    let status = network.json(0, &["status"]);
    let hash = status["network"].as_str().expect("a hash").to_owned();
    let other = "ab".repeat(32);
    let elsewhere = folder();
    let here = elsewhere.path();
    let web = serve(vec![
        ("/network", file.clone()),
        ("/torn", file[..file.len() / 2].to_vec()),
        ("/page", b"<!doctype html><title>Hello</title>".to_vec()),
        ("/empty", Vec::new()),
        ("/long", vec![0x81; TOO_LONG]),
    ]);
    let bootnode = ["--bootnode", "/ip4/127.0.0.1/tcp/4700"];
    let join = |url: &str, folder: &str, more: &[&str]| {
        run(here, &[&["join", url, folder], more, &bootnode].concat())
    };
    let http = |path: &str| format!("http://{web}/{path}");

    for (url, code, words) in [
        (http("torn"), 20, &["/torn", "cut off"][..]),
        (http("page"), 20, &["/page is no network file"]),
        (http("empty"), 20, &["/empty", "empty"]),
        (http("long"), 20, &["/long", "longer than any network file"]),
        (http("nothing"), 13, &["/nothing", "404"]),
        (
            format!("https://{web}/network"),
            13,
            &["https://", "cannot listen"],
        ),
        (
            "http://127.0.0.1:1/network".to_owned(),
            13,
            &["127.0.0.1:1"],
        ),
        ("http://".to_owned(), 2, &["no address"]),
        ("ftp://example.org/network".to_owned(), 2, &["ftp"]),
    ] {
        let ran = join(&url, "bad", &[]);
        check(&ran, code, words);
        check(&ran, code, &["nothing was stored"]);
        assert!(!here.join("bad").exists(), "{url}: nothing is made");
    }

    let wrong = join(&http("network"), "bad", &["--genesis-hash", &other]);
    check(&wrong, 14, &[&hash, &other, "nothing was stored"]);
    let no_hash = join(&http("network"), "bad", &["--genesis-hash", "abc"]);
    check(&no_hash, 2, &["abc"]);
    assert!(!here.join("bad").exists(), "nothing is made");

    let trusting = join(&http("moved"), "one", &[]);
    check(&trusting, 0, &[&hash, "whoever serves", "--genesis-hash"]);
    let sure = join(&http("network"), "two", &["--genesis-hash", &hash]);
    check(&sure, 0, &[&hash]);
    assert!(!sure.stderr.contains("warning"), "{sure:?}");
    let stored = fs::read(here.join("two/genesis.bin")).expect("it was stored");
    assert!(stored == file);
    let again = join(&http("network"), "two", &["--genesis-hash", &hash]);
    check(
        &again,
        2,
        &["there is a node in two already", "nothing was changed"],
    );
}

/// Joins with `--run`, and reads events until one is of this stage.
#[track_caller]
fn join_until(here: &Path, arguments: &[&str], stage: &str) -> (Started, Value) {
    let mut started = Started::of(
        program(here, &[&["join"], arguments, &["--run", "--json"]].concat())
            .arg("--exit-with-parent")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped()),
    );
    let said = text_of(started.0.stderr.take().expect("stderr is a pipe"));
    let lines = started.lines();
    let found = eventually("it gets as far as that", || {
        let Ok(line) = lines.recv_timeout(PATIENCE) else {
            let said = said.lock().expect("nobody panics with it").clone();
            panic!("it gets no further: {said}");
        };
        let event: Value = serde_json::from_str(&line).expect("stdout is lines of JSON");
        (event["stage"] == stage).then_some(event)
    });
    (started, found)
}

#[test]
fn who_starts_at_once_is_told_that_no_shard_lists_it_yet() {
    let network = Network::start();
    let nodes = network.nodes();
    let genesis = fs::read(network.root().join("genesis")).expect("the document is there");
    let file = format!("http://{}/network", serve(vec![("/network", genesis)]));
    let bootnode = nodes[0]["api"].as_str().expect("an address");
    let elsewhere = folder();
    let arguments = [
        &file,
        "me",
        "--bootnode",
        bootnode,
        "--listen",
        "/ip4/127.0.0.1/tcp/0",
    ];
    let (mut started, waiting) = join_until(elsewhere.path(), &arguments, "unlisted");
    assert!(waiting["peers"].as_u64() > Some(0), "{waiting}");
    assert_eq!(waiting["shard"], Value::Null);
    // Whoever started it is gone.
    drop(started.0.stdin.take());
    assert!(started.wait().success());
}
