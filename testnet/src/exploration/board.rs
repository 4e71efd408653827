//! Everything that can be said in the bound, by number: blocks, and votes about them as bits.

use std::collections::BTreeMap;
use std::sync::Arc;

use consensus::message::{AdmittedBlock, Proposal, SignedVote};
use consensus::{Admitted, Message, Signer};
use model::block::{BlockRef, Entry, Header, encode_entries, payload_hash};
use model::shard::Seat;
use model::statement::{Slot, Statement, Vote};
use model::transaction::Authorized;
use model::{
    Block, Bytes, Certificate, Hash, Height, Mode, Object, Signature, Time, Trace, Transaction,
    TransactionBody,
};
use system_contracts::cscoin;

use super::words::{Blocks, Word, Words};
use crate::simulation::{DAWN, Journal, SHARD, Scribe, Setting};

/// The time of day, which stands still.
pub(super) const NOON: Time = DAWN.plus_ms(60_000);

/// A block that a leader of the bound may propose.
struct Known {
    admitted: AdmittedBlock,
    name: BlockRef,
    /// What it is called in a story.
    title: String,
    /// The blocks that it builds on, and itself.
    line: Blocks,
    /// Whether a liar makes it, which can do so whenever its parent is known.
    lied: bool,
}

/// Signs for a member. Its key is made once.
#[derive(Clone)]
pub(super) struct Pen {
    scribe: Arc<Scribe>,
    journal: Journal,
}

impl Pen {
    fn new(setting: &Setting, seat: Seat) -> Self {
        let journal = Journal::default();
        let scribe = Arc::new(setting.scribe(seat, journal.clone()));
        Self { scribe, journal }
    }
}

impl Signer for Pen {
    fn sign(&self, message: &[u8]) -> Signature {
        self.scribe.sign(message)
    }
}

/// The blocks that there can be, who lies, and how many slots there are.
pub(super) struct Board {
    pub(super) setting: Setting,
    pub(super) liars: Vec<Seat>,
    pub(super) slots: u64,
    /// The members' own pens.
    pens: Vec<Pen>,
    /// The pens with which the same is signed again that members have signed, and what liars say.
    copyists: Vec<Pen>,
    blocks: Vec<Known>,
    numbers: BTreeMap<Hash, usize>,
    /// The block before the first slot.
    genesis: BlockRef,
    /// What transactions are about; none of them succeeds, which is nothing to the agreement.
    object: Object,
}

impl Board {
    /// The board of four members, of which these lie, with so many slots.
    pub(super) fn new(liars: Vec<Seat>, slots: u64) -> Self {
        let setting = Setting::new(4);
        let objects = setting.genesis.objects_of(SHARD);
        let object = objects.into_values().next().expect("users have accounts");
        let pens = || {
            setting
                .seats()
                .map(|seat| Pen::new(&setting, seat))
                .collect()
        };
        let mut board = Self {
            pens: pens(),
            copyists: pens(),
            genesis: setting.ledger().tip.block,
            setting,
            liars,
            slots,
            blocks: Vec::new(),
            numbers: BTreeMap::new(),
            object: Arc::unwrap_or_clone(object),
        };
        board.lie_about(None);
        board
    }

    /// The honest members.
    pub(super) fn honest(&self) -> impl Iterator<Item = Seat> + '_ {
        self.setting
            .seats()
            .filter(|seat| !self.liars.contains(seat))
    }

    /// Whether no more members lie than a shard of this size tolerates.
    pub(super) fn is_tolerable(&self) -> bool {
        3 * self.liars.len() < self.setting.committee.size()
    }

    /// Who leads a slot.
    pub(super) fn leader(&self, slot: u64) -> Seat {
        let size = self.setting.committee.size() as u64;
        let index = usize::try_from(slot % size).expect("a small shard");
        Seat::new(index).expect("a small shard")
    }

    /// The number of a block, which is new or not.
    ///
    /// # Errors
    ///
    /// Why the production code does not admit it.
    pub(super) fn learn(&mut self, proposal: &Proposal) -> Result<usize, String> {
        let name = proposal.block.name();
        if let Some(number) = self.numbers.get(&name.hash) {
            return Ok(*number);
        }
        let parent = proposal.block.header.parent;
        let parent = match self.numbers.get(&parent.hash) {
            Some(number) => Some(*number),
            None if parent == self.genesis => None,
            None => return Err(format!("proposed a block on {parent:?}, which nobody made")),
        };
        let number = self.add(proposal.clone(), parent, None)?;
        self.lie_about(Some(number));
        Ok(number)
    }

    /// Liars propose two blocks on this one in each later slot that they lead, and more on those.
    fn lie_about(&mut self, parent: Option<usize>) {
        let above = parent.map_or(0, |number| self.slot(number));
        for slot in above + 1..=self.slots {
            let leader = self.leader(slot);
            if !self.liars.contains(&leader) {
                continue;
            }
            for variant in ["a", "b"] {
                let proposal = self.lie(leader, slot, parent, variant);
                let number = self
                    .add(proposal, parent, Some(variant))
                    .expect("liars make blocks that are admitted");
                self.lie_about(Some(number));
            }
        }
    }

    /// A block that is right in itself. Of the two variants one is empty.
    fn lie(&self, leader: Seat, slot: u64, parent: Option<usize>, variant: &str) -> Proposal {
        let (name, height, time) = parent.map_or((self.genesis, Height::ZERO, NOON), |number| {
            let header = &self.blocks[number].admitted.proposal.block.header;
            (self.blocks[number].name, header.height, header.time)
        });
        let errand = self.transaction(leader, 30_000).transaction().clone();
        let entries = if variant == "a" {
            vec![Entry::Prepare(errand)]
        } else {
            Vec::new()
        };
        let payload = encode_entries(&entries);
        let header = Header {
            scope: *self.setting.scope(),
            slot: Slot::new(slot),
            parent: name,
            height: height.next(),
            time: time.plus_ms(1),
            payload: payload_hash(&payload),
        };
        let block = Block { header, payload };
        let statement = Statement::Proposal {
            slot: Slot::new(slot),
            block: block.hash(),
        };
        let signature = self.sign(leader, &statement);
        Proposal { block, signature }
    }

    fn add(
        &mut self,
        proposal: Proposal,
        parent: Option<usize>,
        variant: Option<&str>,
    ) -> Result<usize, String> {
        let name = proposal.block.name();
        let mut check = self.setting.notary.clone();
        let admitted = Message::Proposal(proposal)
            .admit(&self.setting.shards, &mut check)
            .map_err(|refused| format!("proposed a block that is not admitted: {refused}"))?;
        let Admitted::Proposal(admitted) = admitted else {
            return Err("a proposal was admitted as something else".to_owned());
        };
        let number = self.blocks.len();
        let below = parent.map_or(Blocks::default(), |number| self.blocks[number].line);
        let on = parent.map_or("genesis", |number| &self.blocks[number].title);
        let title = format!("[{}{} on {on}]", name.slot, variant.unwrap_or_default());
        self.blocks.push(Known {
            admitted,
            name,
            title,
            line: below.with(number),
            lied: variant.is_some(),
        });
        self.numbers.insert(name.hash, number);
        Ok(number)
    }

    /// The transaction of a member, good for so long.
    pub(super) fn transaction(&self, seat: Seat, valid_ms: u64) -> Authorized {
        let network = self.setting.scope().network;
        let trace = Trace {
            contract: cscoin::id(),
            procedure: String::new(),
            inputs: vec![self.object.id()],
            references: Vec::new(),
            outputs: Vec::new(),
            local_parameters: Bytes::default(),
            local_returns: Bytes::default(),
            dependencies: Vec::new(),
        };
        let index = u8::try_from(seat.index()).expect("a small shard");
        let body = TransactionBody {
            network,
            nonce: [index; 16],
            valid_until: NOON.plus_ms(valid_ms),
            mode: Mode::AllVotes,
            participants: vec![SHARD],
            traces: vec![trace],
        };
        let transaction = Transaction {
            body,
            openings: vec![self.object.clone()],
            authorizations: Vec::new(),
        };
        let checked = transaction.check_form(&network);
        checked.expect("the transaction is well-formed").trust()
    }

    /// Signs for a member.
    pub(super) fn pen(&self, seat: Seat) -> Pen {
        self.pens[seat.index()].clone()
    }

    /// What was signed for a member since this was asked last.
    pub(super) fn signed(&self, seat: Seat) -> Vec<Vec<u8>> {
        self.pens[seat.index()].journal.take()
    }

    fn sign(&self, seat: Seat, statement: &Statement) -> Signature {
        let bytes = statement.signing_bytes(self.setting.scope());
        let pen = &self.copyists[seat.index()];
        let signature = pen.sign(&bytes);
        drop(pen.journal.take());
        signature
    }

    /// The blocks that may be shown to anybody when honest leaders have proposed these.
    pub(super) fn shown(&self, proposed: Blocks) -> Blocks {
        let mut shown = proposed;
        for (number, known) in self.blocks.iter().enumerate() {
            if known.lied && shown.with(number).has_all(known.line) {
                shown = shown.with(number);
            }
        }
        shown
    }

    /// The votes that a liar may cast when these blocks may be shown: all.
    pub(super) fn lies(&self, shown: Blocks) -> Words {
        let skips = (1..=self.slots).map(Word::Skip);
        let about = shown
            .numbers()
            .flat_map(|block| [Word::Notarize(block), Word::Finalize(block)]);
        skips.chain(about).collect()
    }

    /// The slot of a block.
    pub(super) fn slot(&self, block: usize) -> u64 {
        self.blocks[block].name.slot.number()
    }

    /// A block and those that it builds on.
    pub(super) fn line(&self, block: usize) -> Blocks {
        self.blocks[block].line
    }

    /// The slot that a vote is about.
    pub(super) fn slot_of(&self, word: Word) -> u64 {
        match word {
            Word::Notarize(block) | Word::Finalize(block) => self.slot(block),
            Word::Skip(slot) => slot,
        }
    }

    /// What a block is called in a story.
    pub(super) fn title(&self, block: usize) -> &str {
        &self.blocks[block].title
    }

    /// The number of a block, if it is of the bound.
    pub(super) fn number(&self, hash: &Hash) -> Option<usize> {
        self.numbers.get(hash).copied()
    }

    /// A vote as a bit, if it is of the bound.
    pub(super) fn word(&self, slot: Slot, vote: Vote) -> Option<Word> {
        match vote {
            Vote::Notarize(hash) => self.number(&hash).map(Word::Notarize),
            Vote::Finalize(hash) => self.number(&hash).map(Word::Finalize),
            Vote::Skip => (slot.number() <= self.slots).then(|| Word::Skip(slot.number())),
        }
    }

    fn vote_of(&self, word: Word) -> Vote {
        match word {
            Word::Notarize(block) => Vote::Notarize(self.blocks[block].name.hash),
            Word::Finalize(block) => Vote::Finalize(self.blocks[block].name.hash),
            Word::Skip(_) => Vote::Skip,
        }
    }

    /// What is signed with a vote.
    pub(super) fn statement(&self, word: Word) -> Statement {
        Statement::Vote {
            slot: Slot::new(self.slot_of(word)),
            vote: self.vote_of(word),
        }
    }

    /// The votes about slots up to this one.
    pub(super) fn up_to(&self, slot: u64) -> Words {
        let all = self.lies(self.all());
        all.iter()
            .filter(|word| self.slot_of(*word) <= slot)
            .collect()
    }

    /// The votes of the same kind about the same slot.
    pub(super) fn of_kind(&self, slot: Slot, vote: Vote) -> Words {
        let all = self.lies(self.all());
        let same = |word: &Word| {
            self.slot_of(*word) == slot.number()
                && std::mem::discriminant(&self.vote_of(*word)) == std::mem::discriminant(&vote)
        };
        all.iter().filter(same).collect()
    }

    fn all(&self) -> Blocks {
        (0..self.blocks.len()).fold(Blocks::default(), Blocks::with)
    }

    /// A proposal as it arrives.
    pub(super) fn proposal(&self, block: usize) -> Admitted {
        Admitted::Proposal(self.blocks[block].admitted.clone())
    }

    /// A vote of a member as it arrives.
    pub(super) fn vote(&self, seat: Seat, word: Word) -> Admitted {
        let signature = self.sign(seat, &self.statement(word));
        Admitted::Vote(SignedVote {
            slot: Slot::new(self.slot_of(word)),
            vote: self.vote_of(word),
            signature,
        })
    }

    /// The certificate that these members sign, a quorum of them.
    pub(super) fn certificate(&self, word: Word, voters: &[Seat]) -> Certificate {
        let statement = self.statement(word);
        let quorum = self.setting.committee.quorum();
        Certificate {
            statement,
            signatures: voters
                .iter()
                .take(quorum)
                .map(|seat| (*seat, self.sign(*seat, &statement)))
                .collect(),
        }
    }
}
