//! A member that shows votes, proposals, heads and certificates that are signed by keys without a seat,
//! or by its own key for another network, shard or epoch, before it says the same for itself. In all
//! else it follows the protocol.
//!
//! It tries to have them count, or to have them taken for a member's word, so that the genuine one is
//! thrown away or its author blamed. What stops it: a signature is over network, shard and epoch, is
//! checked against the key of the seat before it counts, and gives way to a genuine one.

use consensus::message::{HeadSignature, Proposal, SignedVote};
use consensus::{Message, Signer};
use model::shard::Seat;
use model::statement::{Epoch, Scope, Statement, Vote};
use model::{Block, Certificate, Hash, NetworkId, SecretKey, ShardId, Signature};

use super::trickster::{Stage, Trick};
use crate::simulation::{Journal, Random, Scribe, Setting};

/// How many of a thousand occasions it uses. A forged signature is checked for real, which is slow.
const FORGED: u64 = 200;

/// How a signature is not what it seems.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Forgery {
    /// The key has no seat.
    Stranger,
    /// The signature is for the next epoch.
    Epoch,
    /// The signature is for another shard.
    Shard,
    /// The signature is for another network.
    Network,
}

/// See the module.
pub(super) struct NonMemberVoter {
    stranger: Scribe,
}

impl NonMemberVoter {
    /// A member with another key beside its own.
    pub(super) fn new(setting: &Setting, random: &mut Random) -> Self {
        let key = SecretKey::from_seed(random.bytes());
        let stranger = Scribe::new(key, setting.notary.clone(), Journal::default());
        Self { stranger }
    }

    fn forge(&self, stage: &mut Stage<'_, '_>, statement: &Statement) -> Signature {
        let forgeries = [
            Forgery::Stranger,
            Forgery::Epoch,
            Forgery::Shard,
            Forgery::Network,
        ];
        let forgery = *stage.voice.random.pick(&forgeries);
        let scope = *stage.around.setting.scope();
        let elsewhere = match forgery {
            Forgery::Stranger => return self.stranger.sign(&statement.signing_bytes(&scope)),
            Forgery::Epoch => Scope {
                epoch: Epoch::new(scope.epoch.number() + 1),
                ..scope
            },
            Forgery::Shard => Scope {
                shard: ShardId::new(scope.shard.number() + 1),
                ..scope
            },
            Forgery::Network => Scope {
                network: NetworkId::from_bytes(stage.voice.random.bytes()),
                ..scope
            },
        };
        stage.sign_in(&elsewhere, statement)
    }

    /// What goes before a message of the puppet: the same, or something like it, forged.
    fn forgery(&self, stage: &mut Stage<'_, '_>, message: &Message) -> Option<Message> {
        Some(match message {
            Message::Vote(vote) => {
                let random = &mut stage.voice.random;
                let other = Vote::Notarize(Hash::from_bytes(random.bytes()));
                let vote = SignedVote {
                    vote: *random.pick(&[vote.vote, Vote::Skip, other]),
                    ..*vote
                };
                let statement = Statement::Vote {
                    slot: vote.slot,
                    vote: vote.vote,
                };
                Message::Vote(SignedVote {
                    signature: self.forge(stage, &statement),
                    ..vote
                })
            }
            Message::HeadSignature(signature) => {
                let height = signature.height;
                let head = Hash::from_bytes(stage.voice.random.bytes());
                let signature = self.forge(stage, &Statement::Head { height, head });
                Message::HeadSignature(HeadSignature {
                    height,
                    head,
                    signature,
                })
            }
            Message::Certificate(certificate) => self.certificate(stage, certificate),
            _ => return None,
        })
    }

    /// A certificate that a quorum seems to have signed: of members, or of seats that nobody has.
    fn certificate(&self, stage: &mut Stage<'_, '_>, like: &Certificate) -> Message {
        let statement = match like.statement {
            Statement::Vote { slot, vote: _ } if stage.voice.random.chance(500) => {
                let vote = Vote::Finalize(Hash::from_bytes(stage.voice.random.bytes()));
                Statement::Vote { slot, vote }
            }
            statement => statement,
        };
        let beyond = stage.voice.random.below(2) * 50;
        let shift = |seat: Seat| Seat::new(seat.index() + usize::try_from(beyond).ok()?);
        let seats = like.signatures.iter().filter_map(|(seat, _)| shift(*seat));
        let signatures = seats
            .map(|seat| (seat, self.forge(stage, &statement)))
            .collect();
        Message::Certificate(Certificate {
            statement,
            signatures,
        })
    }

    /// A block that seems to be the leader's own, beside the one that is.
    fn proposal(&self, stage: &mut Stage<'_, '_>, block: &Block) -> Message {
        let mut block = block.clone();
        block.header.time = block.header.time.plus_ms(1);
        let statement = Statement::Proposal {
            slot: block.header.slot,
            block: block.hash(),
        };
        let signature = self.forge(stage, &statement);
        Message::Proposal(Proposal { block, signature })
    }
}

impl Trick for NonMemberVoter {
    fn hear(&mut self, stage: &mut Stage<'_, '_>, _from: Seat, message: &Message) -> bool {
        if let Message::Proposal(proposal) = message
            && stage.voice.random.chance(FORGED)
        {
            let forged = self.proposal(stage, &proposal.block);
            stage.say_to_all(&forged);
            stage.lied();
        }
        true
    }

    fn say(&mut self, stage: &mut Stage<'_, '_>, to: &[Seat], message: &Message) {
        if stage.voice.random.chance(FORGED)
            && let Some(forged) = self.forgery(stage, message)
        {
            stage.say(to, &forged);
            stage.lied();
        }
        stage.say(to, message);
    }
}
