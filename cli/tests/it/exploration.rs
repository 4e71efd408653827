//! `chainspace explore`: the models that have names, and what is said of them.

use crate::support::{folder, run};

#[test]
fn every_model_that_is_listed_has_a_name_and_something_to_come_to() {
    let ran = run(folder().path(), &["explore", "list", "--json"]);
    let data = ran.data(0);
    let models = data["models"].as_array().expect("a list");
    assert!(models.len() >= 8, "{models:?}");
    let text = run(folder().path(), &["explore", "list"]).stdout;
    for model in models {
        for key in ["model", "expected", "about"] {
            let value = model[key].as_str().expect("a text");
            assert!(text.contains(value), "{value}:\n{text}");
        }
    }
}

#[test]
fn a_model_in_which_every_rule_holds_is_explored_to_the_end() {
    let ran = run(folder().path(), &["explore", "sbac", "crossing-modes"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let sentence = "crossing-modes: every rule holds in all ";
    assert!(ran.stdout.starts_with(sentence), "{ran:?}");
    assert!(ran.stdout.contains(" 0 split, 0 stuck, "), "{ran:?}");
}

#[test]
fn a_split_that_must_be_is_told_and_is_no_failure() {
    let arguments = ["explore", "sbac", "all-votes-liar"];
    let ran = run(folder().path(), &arguments);
    assert_eq!(ran.code, 0, "{ran:?}");
    let sentence = "all-votes-liar: splits and sticks, as it must, in all ";
    assert!(ran.stdout.starts_with(sentence), "{ran:?}");
    let heard = "    shard 1 hears prepared(T1, abort) from shard 2\n";
    assert!(ran.stderr.contains(heard), "{ran:?}");

    let data = run(folder().path(), &[&arguments[..], &["--json"]].concat()).data(0);
    let explored = &data["explored"][0];
    assert_eq!(explored["model"], "all-votes-liar");
    assert_eq!(explored["expected"], "splits and sticks");
    assert_eq!(explored["found"], "splits and sticks");
    assert_eq!(explored["as_expected"], true);
    assert_eq!(explored["exhausted"], true);
    assert!(explored["splits"].as_u64() > Some(0), "{explored}");
    assert!(explored["stuck"].as_u64() > Some(0), "{explored}");
    let story = explored["first_split"].as_array().expect("a story");
    assert_eq!(story.len(), 5, "{story:?}");
}

#[test]
fn an_exploration_that_is_given_up_says_so() {
    let arguments = ["explore", "sbac", "decider", "--states", "100"];
    let ran = run(folder().path(), &arguments);
    assert_eq!(ran.code, 0, "{ran:?}");
    let sentence = "decider: every rule holds in the first 100 states, ";
    assert!(ran.stdout.starts_with(sentence), "{ran:?}");
    let data = run(folder().path(), &[&arguments[..], &["--json"]].concat()).data(0);
    let explored = &data["explored"][0];
    assert_eq!(explored["exhausted"], false);
    assert_eq!(explored["states"], 100);
    assert!(explored["stuck"].is_null(), "{explored}");
}

#[test]
fn a_model_that_there_is_not_is_refused_with_the_nearest_one() {
    let ran = run(folder().path(), &["explore", "sbac", "decidr"]);
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(ran.stderr.contains("there is no model decidr"), "{ran:?}");
    assert!(ran.stderr.contains("did you mean decider?"), "{ran:?}");
    let ran = run(folder().path(), &["explore", "sbac", "everything"]);
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(ran.stderr.contains("there are decider, "), "{ran:?}");
}
