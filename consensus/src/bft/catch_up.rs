//! Catching up: fetching proposals that matter, and final blocks from members that have them (rule 2).

use std::collections::BTreeMap;

use model::block::BlockRef;
use model::shard::Seat;
use model::statement::{Height, Slot, Statement, Vote};
use model::{Certificate, Finalized, Time};

use super::cast::log;
use super::{Bft, Candidate, Turn};
use crate::injected::{self, Mistake};
use crate::ledger::Tip;
use crate::member::Member;
use crate::message::{Blocks, BlocksRequest, Message, Refused, entries_of_final};
use crate::record::Record;
use crate::replica::Output;
use crate::time::Now;

/// How long a member waits for an answer before it asks another, in milliseconds. The shell reports
/// failed fetches itself; this is for answers that never come.
const PATIENCE_MS: u64 = 3_000;

/// How often the same thing is asked for, in milliseconds.
const ASK_AGAIN_MS: u64 = 200;

/// What is known of final blocks that are not at hand.
#[derive(Clone, Debug, Default)]
pub(super) struct CatchUp {
    /// The highest block known to be final.
    target: Option<BlockRef>,
    /// The height of the last block of the epoch, if it is known that others have begun the next one.
    end: Option<Height>,
    /// Who told of it: the first to ask.
    source: Option<Seat>,
    /// A fetch that is under way: whom, and until when nobody else is asked.
    fetch: Option<(Seat, Time)>,
    /// When something was last asked for, and how often, so that others take turns for each thing.
    asked: BTreeMap<(Slot, Wanted), (Time, usize)>,
}

/// What may be lacking of a slot. Each has a clock of its own, or a liar that keeps a member asking
/// for one would keep it from asking for the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Wanted {
    /// A block that others voted for.
    Proposal,
    /// The certificates that a proposal builds on.
    Certificates,
}

impl CatchUp {
    /// A member showed a checked finalization.
    pub(super) fn heard(&mut self, from: Seat, block: BlockRef) {
        if self.is_beyond(block.slot) {
            self.target = Some(block);
            self.source = Some(from);
        }
    }

    /// A final block is known but not all of its chain is at hand.
    pub(super) fn behind(&mut self, block: BlockRef) {
        if self.is_beyond(block.slot) {
            self.target = Some(block);
        }
    }

    /// The last block of the epoch has this height, and is not at hand.
    pub(super) fn ends_at(&mut self, from: Option<Seat>, height: Height) {
        self.end = Some(height);
        self.source = from.or(self.source);
    }

    /// Whether a finalization of this slot says more than what is known.
    pub(super) fn is_beyond(&self, slot: Slot) -> bool {
        self.target.is_none_or(|target| slot > target.slot)
    }

    /// All up to this slot has been applied.
    pub(super) fn reached(&mut self, slot: Slot) {
        self.asked = self.asked.split_off(&(slot.next(), Wanted::Proposal));
        if self.target.is_some_and(|target| target.slot <= slot) {
            self.target = None;
            self.source = None;
            self.fetch = None;
        }
    }

    /// The slot of the highest block known to be final, if it is not at hand.
    pub(super) fn target_slot(&self) -> Option<Slot> {
        self.target.map(|target| target.slot)
    }

    /// Whether there are final blocks that are not at hand.
    pub(super) const fn is_behind(&self) -> bool {
        self.target.is_some() || self.end.is_some()
    }

    /// If it is time to ask for this (again), how often it was asked for before.
    pub(super) fn may_ask(&mut self, now: Now, slot: Slot, wanted: Wanted) -> Option<usize> {
        let times = match self.asked.get(&(slot, wanted)) {
            Some((when, _)) if now.timer.since_ms(*when) < ASK_AGAIN_MS => return None,
            Some((_, times)) => *times,
            None => 0,
        };
        self.asked.insert((slot, wanted), (now.timer, times + 1));
        Some(times)
    }

    /// Whom to ask for blocks: who told of them, and then each other member in turn.
    fn next_source(&mut self, others: &[Seat]) -> Seat {
        let asked = self.fetch.map(|(asked, _)| asked);
        let last = others.iter().position(|other| Some(*other) == asked);
        let next = last.map_or(0, |last| (last + 1) % others.len());
        self.source.take().unwrap_or(others[next])
    }

    /// When to look again.
    pub(super) fn deadlines(&self) -> impl Iterator<Item = Time> + '_ {
        let fetch = self.fetch.filter(|_| self.is_behind());
        let fetch = fetch.map(|(_, until)| until);
        let asked = self.asked.values();
        let asked = asked.map(|(when, _)| when.plus_ms(ASK_AGAIN_MS));
        asked.chain(fetch)
    }
}

impl Bft {
    /// Whether final blocks are known that are not at hand.
    pub(crate) const fn is_behind(&self) -> bool {
        self.catch_up.is_behind()
    }

    /// Asks for what is missing, unless an answer is under way.
    pub(super) fn fetch_missing(&mut self, turn: &mut Turn<'_>) {
        self.fetch_proposals(turn);
        let waiting = self
            .catch_up
            .fetch
            .is_some_and(|(_, until)| turn.now.timer < until);
        if !self.catch_up.is_behind() || waiting {
            return;
        }
        let from = self.catch_up.next_source(&turn.member.others());
        self.catch_up.fetch = Some((from, turn.now.timer.plus_ms(PATIENCE_MS)));
        turn.out.push(Output::FetchBlocks {
            from,
            request: BlocksRequest {
                first: self.tip.height.next(),
            },
        });
    }

    /// Asks those who voted for a proposal to send it.
    fn fetch_proposals(&mut self, turn: &mut Turn<'_>) {
        if injected::makes(Mistake::FetchesNothing) {
            return;
        }
        let honest = turn.member.committee().honest_threshold();
        for (block, holders) in self.missing_proposals(honest) {
            let wanted = Wanted::Proposal;
            let Some(times) = self.catch_up.may_ask(turn.now, block.slot, wanted) else {
                continue;
            };
            let others = turn.member.others();
            let mut asked = vec![others[times % others.len()]];
            asked.extend(holders.into_iter().take(honest));
            asked.sort_unstable();
            asked.dedup();
            for seat in asked {
                if seat != turn.member.seat() {
                    turn.send(seat, Message::ProposalRequest(block));
                }
            }
        }
    }

    /// A member did not answer; the next one is asked at the next tick.
    pub(crate) fn on_fetch_failed(&mut self, now: Now, from: Seat) {
        if let Some((asked, until)) = &mut self.catch_up.fetch
            && *asked == from
        {
            // Not at once: all others may be unreachable too.
            *until = (*until).min(now.timer.plus_ms(ASK_AGAIN_MS));
        }
    }

    /// A member answered with final blocks. Whether they are of use.
    ///
    /// # Errors
    ///
    /// [`Refused`] if they are not the final blocks after the last one here; the member is at fault,
    /// or this one has got further in the meantime.
    pub(crate) fn on_blocks(
        &mut self,
        turn: &mut Turn<'_>,
        from: Seat,
        answer: Blocks,
    ) -> Result<bool, Refused> {
        // An answer that comes late is as good as another: it proves itself.
        if !self.is_behind() {
            return Ok(false);
        }
        self.on_fetch_failed(turn.now, from);
        let blocks = self.after_tip(turn.member, answer.blocks);
        if blocks.is_empty() {
            return Ok(false);
        }
        let checked = check_chain(turn.member, &self.tip, blocks)?;
        self.catch_up.fetch = None;
        self.catch_up.source = Some(from);
        let mut last = None;
        for (candidate, certificate) in checked {
            last = Some(candidate.block.hash());
            self.keep_final(turn, candidate, certificate);
        }
        if let Some(last) = last {
            self.is_final_by_head(last);
        }
        Ok(true)
    }

    /// The blocks of this epoch that are above the last final one here.
    fn after_tip(&self, member: &Member, blocks: Vec<Finalized>) -> Vec<Finalized> {
        let epoch = member.committee().scope().epoch;
        blocks
            .into_iter()
            .skip_while(|block| block.block.header.height <= self.tip.height)
            .take_while(|block| block.block.header.scope.epoch <= epoch)
            .collect()
    }

    fn keep_final(
        &mut self,
        turn: &mut Turn<'_>,
        mut candidate: Candidate,
        certificate: Option<Certificate>,
    ) {
        let name = candidate.block.name();
        let state = self.slots.entry(name.slot).or_default();
        if let Some(known) = state.candidates.get(&name.hash) {
            candidate = known.clone();
        }
        log(turn, &mut candidate);
        state.candidates.insert(name.hash, candidate);
        if let Some(certificate) = certificate {
            turn.persist(Record::Certificate(certificate.clone()));
            state
                .certificates
                .keep(Vote::Finalize(name.hash), certificate);
        }
    }
}

/// Checks that the blocks extend `tip` without gaps, and that the last one is final: that it was
/// finalized, or that a quorum signed the head after it.
pub(crate) fn check_chain(
    member: &mut Member,
    tip: &Tip,
    blocks: Vec<Finalized>,
) -> Result<Vec<(Candidate, Option<Certificate>)>, Refused> {
    let scope = *member.committee().scope();
    let (mut parent, mut height, mut time) = (tip.block, tip.height, tip.time);
    let mut last_certified = false;
    let mut last_head = None;
    let mut checked = Vec::with_capacity(blocks.len());
    for Finalized {
        block,
        certificate,
        head, // taken in by the keeper of heads
    } in blocks
    {
        let header = &block.header;
        if header.scope != scope {
            return Err(Refused::OtherScope);
        }
        if !block.is_whole() {
            return Err(Refused::OtherPayload);
        }
        let follows = header.height.number().checked_sub(height.number()) == Some(1);
        if header.parent != parent || !follows || header.time <= time {
            return Err(Refused::NotAChain);
        }
        (parent, height, time) = (block.name(), header.height, header.time);
        let finalize = Statement::Vote {
            slot: parent.slot,
            vote: Vote::Finalize(parent.hash),
        };
        let certificate = certificate.filter(|certificate| {
            certificate.statement == finalize && member.verify_certificate(certificate)
        });
        last_certified = certificate.is_some();
        last_head = head.filter(|head| head.head.block == parent.hash);
        let entries = entries_of_final(&block, member.shards())?;
        checked.push((
            Candidate {
                block: std::sync::Arc::new(block),
                entries: std::sync::Arc::new(entries),
                signature: None,
                logged: false,
            },
            certificate,
        ));
    }
    if last_certified || last_head.is_some_and(|head| member.verify_head(&head)) {
        Ok(checked)
    } else {
        Err(Refused::NotAChain)
    }
}
