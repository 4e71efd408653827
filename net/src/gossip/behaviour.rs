//! How gossipsub is set up.
//!
//! The defaults are those of large and busy networks, whose peers are blamed if they are silent. Ours
//! may be silent for hours, so the one thing that a peer is blamed for is passing on what is false.

use std::time::Duration;

use libp2p::gossipsub::{
    self, ConfigBuilder, IdentityTransform, MaxCountSubscriptionFilter, Message,
    MessageAuthenticity, MessageId, PeerScoreParams, PeerScoreThresholds, TopicScoreParams,
    ValidationMode, WhitelistSubscriptionFilter, score_parameter_decay,
};
use model::NetworkId;
use sha2::{Digest, Sha256};

use super::Topic;
use crate::config::StartError;

/// Gossipsub on our topics and no others.
pub(crate) type Behaviour = gossipsub::Behaviour<
    IdentityTransform,
    MaxCountSubscriptionFilter<WhitelistSubscriptionFilter>,
>;

/// Bytes of the id of a message.
const ID_BYTES: usize = 20;

/// Messages that wait for one peer. The longest of them have 64 KiB: 8 MiB for a peer that is slow.
const QUEUE: usize = 128;

/// What is sent around a message.
const ENVELOPE: usize = 1024;

/// How long a false message is held against whoever passed it on.
const BLAME: Duration = Duration::from_secs(600);

/// What the first false message costs. The third in ten minutes ends the passing on to this peer, and
/// after the fourth it is not listened to.
const FALSE_MESSAGE: f64 = -10.0;

/// The behaviour in a network.
///
/// # Errors
///
/// [`StartError::System`], which would be a mistake in this file.
pub(crate) fn build(network: &NetworkId) -> Result<Behaviour, StartError> {
    let system = |problem: String| StartError::System(problem);
    let mut config = ConfigBuilder::default();
    config
        .validation_mode(ValidationMode::Anonymous)
        .validate_messages()
        .message_id_fn(id_of)
        .max_transmit_size(Topic::Directory.bytes_max() + ENVELOPE)
        .connection_handler_queue_len(QUEUE)
        // Enough for networks of a handful of nodes, most of which are dialed by others.
        .mesh_outbound_min(1)
        .mesh_n_low(4);
    for topic in Topic::ALL {
        let limit = topic.bytes_max() + ENVELOPE;
        config.max_transmit_size_for_topic(limit, topic.name(network).hash());
    }
    let config = config.build().map_err(|error| system(error.to_string()))?;
    let names = Topic::ALL.map(|topic| topic.name(network).hash());
    let filter = MaxCountSubscriptionFilter {
        filter: WhitelistSubscriptionFilter(names.into_iter().collect()),
        max_subscribed_topics: Topic::ALL.len(),
        max_subscriptions_per_request: Topic::ALL.len(),
    };
    let mut behaviour =
        Behaviour::new_with_subscription_filter(MessageAuthenticity::Anonymous, config, filter)
            .map_err(|error| system(error.into()))?;
    behaviour
        .with_peer_score(score(network), PeerScoreThresholds::default())
        .map_err(system)?;
    for topic in Topic::ALL {
        let subscribed = behaviour.subscribe(&topic.name(network));
        subscribed.map_err(|error| system(error.to_string()))?;
    }
    Ok(behaviour)
}

/// What a message is known by: its topic and its content, whoever sends it.
fn id_of(message: &Message) -> MessageId {
    let hash = Sha256::new()
        .chain_update(message.topic.as_str())
        .chain_update([0])
        .chain_update(&message.data)
        .finalize();
    MessageId::new(&hash[..ID_BYTES])
}

fn score(network: &NetworkId) -> PeerScoreParams {
    let of_topic = TopicScoreParams {
        topic_weight: 1.0,
        time_in_mesh_weight: 0.0,
        first_message_deliveries_weight: 0.0,
        mesh_message_deliveries_weight: 0.0,
        mesh_failure_penalty_weight: 0.0,
        invalid_message_deliveries_weight: FALSE_MESSAGE,
        invalid_message_deliveries_decay: score_parameter_decay(BLAME),
        ..TopicScoreParams::default()
    };
    let topics = Topic::ALL.map(|topic| (topic.name(network).hash(), of_topic.clone()));
    PeerScoreParams {
        topics: topics.into_iter().collect(),
        // How many come from one address is the business of the gate.
        ip_colocation_factor_weight: 0.0,
        ..PeerScoreParams::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(topic: &str, data: &[u8]) -> Message {
        Message {
            source: None,
            data: data.to_vec(),
            sequence_number: None,
            topic: gossipsub::TopicHash::from_raw(topic),
        }
    }

    #[test]
    fn a_message_is_known_by_its_topic_and_its_content() {
        let id = id_of(&message("a", b"bc"));
        assert_eq!(id, id_of(&message("a", b"bc")));
        assert_ne!(id, id_of(&message("a", b"bd")));
        assert_ne!(id, id_of(&message("ab", b"c")));
        assert_eq!(id.0.len(), ID_BYTES);
    }

    #[test]
    fn the_settings_are_ones_that_gossipsub_takes() {
        let behaviour = build(&NetworkId::from_bytes([7; 32])).expect("settings in order");
        let topics: Vec<String> = behaviour.topics().map(ToString::to_string).collect();
        for word in ["dir", "ckpt", "evidence"] {
            let name = format!("/cs/0707070707070707/{word}/1");
            assert!(topics.contains(&name), "{topics:?}");
        }
    }
}
