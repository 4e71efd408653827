//! The whole of an open network, as `chainspace demo open-network` shows it.

use crate::support::{folder, run};

#[test]
fn strangers_found_a_shard_a_member_is_replaced_and_a_liar_is_thrown_out_under_load() {
    let elsewhere = folder();
    let data = run(elsewhere.path(), &["demo", "open-network", "--json"]).data(0);
    let steps = data["steps"].as_array().expect("steps");
    assert_eq!(steps.len(), 8, "{steps:?}");
    assert!(steps.iter().all(|step| step["held"] == true), "{steps:?}");
}
