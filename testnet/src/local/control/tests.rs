//! Tests of what goes over the socket.

use super::{Command, Line, NodeState, Refusal, State, to_line};

#[test]
fn commands_and_answers_are_one_line_of_json_each() {
    let kill = Command::Kill {
        node: "n2".to_owned(),
    };
    assert_eq!(to_line(&kill), b"{\"command\":\"kill\",\"node\":\"n2\"}\n");
    let states: Line = Ok(vec![NodeState {
        name: "n2".to_owned(),
        pid: Some(7),
        state: State::Paused,
        cut: true,
        delay_ms: 200,
        lies: crate::local::Lies::default(),
    }]);
    let refused: Line = Err(Refusal {
        reason: "no\nreason".to_owned(),
        hint: None,
    });
    for line in [states, refused] {
        let bytes = to_line(&line);
        assert_eq!(bytes.iter().filter(|byte| **byte == b'\n').count(), 1);
        assert_eq!(
            serde_json::from_slice::<Line>(&bytes).expect("it comes back"),
            line
        );
    }
}

#[test]
fn what_is_no_command_is_refused() {
    for text in [
        "",
        "{}",
        "[]",
        "null",
        "{\"command\":\"fly\"}",
        "{\"command\":\"kill\"}",
        "{\"command\":\"kill\",\"node\":3}",
        "{\"command\":\"partition\",\"nodes\":\"n0\"}",
        "{\"command\":\"delay\",\"node\":\"n0\",\"ms\":-1}",
        "{\"command\":\"kill\",\"node\":\"n0\",\"now\":true}",
    ] {
        assert!(serde_json::from_str::<Command>(text).is_err(), "{text}");
    }
}
