//! Tests of what a weather file may say.

use std::time::Duration;

use net::{PeerName, Way};
use zeroize::Zeroizing;

use super::{Forecast, parse};

fn peer(number: u8) -> PeerName {
    PeerName::of_transport_seed(&Zeroizing::new([number; 32]))
}

#[test]
fn a_file_names_peers_that_are_cut_off_or_late() {
    let (cut, late) = (peer(1), peer(2));
    let text = format!("[peers.{cut}]\ncut = true\n[peers.{late}]\ndelay_ms = 200\n");
    let ways = parse(&text).expect("it is in order");
    let expected = [
        (
            cut,
            Way {
                cut: true,
                delay: Duration::ZERO,
            },
        ),
        (
            late,
            Way {
                cut: false,
                delay: Duration::from_millis(200),
            },
        ),
    ];
    assert_eq!(ways, expected.into_iter().collect());
    assert!(parse("").expect("nothing is wrong").is_empty());
}

#[test]
fn what_is_no_weather_is_refused() {
    for text in [
        "rain = true".to_owned(),
        "[peers.nobody]\ncut = true".to_owned(),
        format!("[peers.{}]\nwet = true", peer(1)),
        format!("[peers.{}]\ndelay_ms = -1", peer(1)),
    ] {
        assert!(parse(&text).is_err(), "{text}");
    }
}

#[test]
fn a_file_is_read_when_it_changes_and_nonsense_changes_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("weather.toml");
    let mut forecast = Forecast::open(file.clone());
    assert_eq!(forecast.weather.named(), 0);
    let cut = format!("[peers.{}]\ncut = true\n", peer(1));
    let write = |text: &str| std::fs::write(&file, text).expect("the folder can be written");
    write(&cut);
    forecast.look();
    assert_eq!(forecast.weather.named(), 1);
    write("nonsense");
    forecast.look();
    assert_eq!(forecast.weather.named(), 1);
    std::fs::remove_file(&file).expect("it is there");
    forecast.look();
    assert_eq!(forecast.weather.named(), 0);
}
