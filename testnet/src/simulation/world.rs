//! One world: its shards, their users and everything that goes wrong, from a seed to a verdict.

mod carry;
mod ending;
mod leak;
mod quarter;
mod succession;
mod trouble;

use std::collections::{BTreeMap, BTreeSet};

use model::{Epoch, ShardId, Time};

use super::agenda::Agenda;
use super::around::Happening;
use super::chronicle::{Chronicle, Event};
use super::clients::Clients;
use super::fault::Faults;
use super::network::{Network, Weather};
use super::node::Node;
use super::options::Options;
use super::plan;
use super::random::Random;
use super::setting::{Place, Setting, number};
use super::trust::Trust;
use super::verdict::{Failure, Summary};
use crate::adversary::Adversary;
use crate::invariants::{Broken, Judges};
use quarter::Quarter;
use succession::Wish;

/// How soon after calm begins everything is to be decided, certified and the same everywhere, in
/// milliseconds. A time-out may have grown to eight seconds by then, and some leaders may lie.
const SETTLED_MS: u64 = 45_000;

/// As much if there are several shards: promises that were lost are repeated ever more seldom, and
/// deadlines must pass.
const SETTLED_ACROSS_MS: u64 = 150_000;

/// Whoever has a seat.
enum Member {
    Honest(Box<Node>),
    Liar(Box<dyn Adversary>),
}

/// A world.
pub(super) struct World {
    seed: u64,
    options: Options,
    /// The shards, each where its number is.
    quarters: Vec<Quarter>,
    now: Time,
    agenda: Agenda<Event>,
    network: Network,
    clients: Clients,
    judges: Judges,
    trust: Trust,
    chronicle: Chronicle,
    random: Random,
    calm: bool,
    crashes: u64,
    /// What went wrong that is not the business of one node.
    faults: Faults,
    /// How many things each node had done when the network became calm.
    deeds: Vec<u64>,
    /// Frames that honest members have sent each other. Whoever follows without a seat may still be at it.
    frames: u64,
    /// Whether nodes are told when a link comes up again.
    links_tell: bool,
    /// The members that operators want.
    wishes: BTreeMap<ShardId, Wish>,
    /// The last epoch of each shard of which keys have got known.
    leaked: BTreeMap<ShardId, Epoch>,
    /// Whose keys have: they never become members again.
    exposed: BTreeSet<Place>,
    /// How many epochs had begun when users last looked, and how often they will still say again what is
    /// not decided.
    insistence: (u64, u64),
}

impl World {
    /// The world that a seed stands for.
    pub(super) fn new(seed: u64, options: &Options) -> Self {
        let mut random = Random::new(seed);
        let trust = trust(seed, options);
        let profile = options.modes.profile();
        let settings = Setting::trusting(options.shards, options.nodes, profile, &trust);
        let mut liars = BTreeSet::new();
        let quarters: Vec<Quarter> = settings
            .into_iter()
            .map(|setting| setting.with_candidates(options.all_nodes() - options.nodes))
            .map(|setting| Quarter::draw(setting, options, &mut liars, &mut random))
            .collect();
        let settings = || quarters.iter().map(|quarter| &quarter.setting);
        let mut judges = Judges::new(settings(), &liars, &trust);
        if let Some(rule) = options.dismissed {
            judges.dismiss(rule);
        }
        let members = options.shards * options.all_nodes();
        let mut world = Self {
            seed,
            now: Time::ZERO,
            agenda: Agenda::new(random.fork()),
            network: Network::new(random.fork(), Weather::calm(), members),
            clients: Clients::new(settings(), options.modes, trust.clone(), random.fork()),
            judges,
            trust,
            chronicle: Chronicle::default(),
            links_tell: random.chance(700),
            wishes: BTreeMap::new(),
            leaked: BTreeMap::new(),
            exposed: BTreeSet::new(),
            insistence: (0, 0),
            options: options.clone(),
            quarters,
            random,
            calm: false,
            crashes: 0,
            faults: Faults::default(),
            deeds: Vec::new(),
            frames: 0,
        };
        world.set_up();
        world
    }

    /// Enters what is going to happen whatever else does.
    fn set_up(&mut self) {
        let settings = self.quarters.iter().map(|quarter| &quarter.setting);
        for (at, trouble) in plan::draw(&self.options, settings, &mut self.random) {
            self.agenda.enter(at, Event::Trouble(trouble));
        }
        for place in self.places() {
            let at = Time::from_ms(self.random.within(&(0..=200)));
            self.happens(at, place, Happening::Begin);
        }
        let mut at = 0;
        while at < self.options.turmoil_ms {
            self.agenda.enter(Time::from_ms(at), Event::Users);
            at += self.random.within(&(1..=self.options.pause_ms));
        }
        if self.options.changes > 0 {
            self.agenda.enter(Time::from_ms(100), Event::Operators);
        }
        let calm = Time::from_ms(self.options.turmoil_ms);
        self.agenda.enter(calm, Event::Calm);
        self.agenda.enter(calm.plus_ms(1_000), Event::Insist);
        for act in 1..=self.options.last_acts {
            self.agenda
                .enter(calm.plus_ms(1_000 + 100 * act), Event::Users);
        }
        self.agenda.enter(
            calm.plus_ms(2_000 + 100 * self.options.last_acts),
            Event::Insist,
        );
    }

    /// Lives through everything.
    pub(super) fn run(&mut self) -> Result<Summary, Failure> {
        self.live().map_err(|broken| self.failure(broken))
    }

    fn live(&mut self) -> Result<Summary, Broken> {
        let calm = Time::from_ms(self.options.turmoil_ms);
        let insisted = calm.plus_ms(2_000 + 100 * self.options.last_acts);
        self.pass(insisted)?;
        let latest = calm.plus_ms(match self.quarters.len() {
            1 => SETTLED_MS,
            _ => SETTLED_ACROSS_MS,
        });
        self.settle(latest)?;
        let settled = self.now;
        self.end()?;
        let (committed, aborted) = self.judges.liveness.outcomes();
        Ok(Summary {
            seed: self.seed,
            height: self.judges.liveness.blocks(),
            committed,
            aborted,
            crashes: self.crashes,
            liars: self.liars(),
            lies: self.lies(),
            named: self.judges.named(),
            events: self.chronicle.events(),
            settled_ms: settled.since_ms(calm),
            fingerprint: self.chronicle.fingerprint(),
            faults: self.faults(),
            deeds: std::mem::take(&mut self.deeds),
            epochs: self.epochs(),
            states: self.judges.coverage.take(),
        })
    }

    /// All seats of all shards.
    fn places(&self) -> Vec<Place> {
        let of_shard = |quarter: &Quarter| {
            let shard = quarter.setting.shard();
            let seats = quarter.setting.nodes();
            seats.map(move |seat| Place { shard, seat })
        };
        self.quarters.iter().flat_map(of_shard).collect()
    }

    fn members(&self) -> impl Iterator<Item = &Member> {
        self.quarters.iter().flat_map(|quarter| &quarter.members)
    }

    /// The number of a member, all shards together.
    fn number(&self, place: Place) -> usize {
        number(place.shard) * self.options.all_nodes() + place.seat.index()
    }

    /// How many epochs have begun after the first ones.
    fn epochs(&self) -> u64 {
        let shards = self.quarters.iter();
        let rolls = shards.filter_map(|quarter| self.judges.roll(quarter.setting.shard()));
        rolls.map(|roll| roll.changes().len() as u64).sum()
    }

    fn liars(&self) -> usize {
        let is_liar = |member: &&Member| matches!(member, Member::Liar(_));
        self.members().filter(is_liar).count()
    }

    fn lies(&self) -> u64 {
        let lies = |member: &Member| match member {
            Member::Honest(_) => 0,
            Member::Liar(liar) => liar.lies(),
        };
        self.members().map(lies).sum()
    }

    /// Lets everything happen up to a time.
    fn pass(&mut self, until: Time) -> Result<(), Broken> {
        while self.agenda.next_time().is_some_and(|next| next <= until) {
            let Some((at, event)) = self.agenda.next() else {
                break;
            };
            self.now = at;
            self.chronicle.note(at, &event);
            self.take_place(event);
            if let Some(broken) = self.judges.broken() {
                return Err(broken);
            }
        }
        self.now = until;
        Ok(())
    }

    fn take_place(&mut self, event: Event) {
        match event {
            Event::Happens { place, happening } => self.hand_to_member(place, happening),
            Event::Trouble(trouble) => self.trouble(trouble),
            Event::Crashed(_) => {} // it is here to be read in the chronicle
            Event::Users => {
                let submissions = self.clients.act(self.now);
                self.submit(submissions);
            }
            Event::Operators => self.look(),
            Event::Calm => self.calm(),
            Event::Insist => {
                let (submissions, expected) = self.clients.insist(self.now);
                for (transaction, expected) in expected {
                    self.judges.liveness.expect(transaction, expected);
                }
                self.submit(submissions);
            }
        }
    }

    /// From now on everything goes well: nothing is lost, nobody crashes, clocks are right.
    fn calm(&mut self) {
        self.calm = true;
        self.network.turn(Weather::calm());
        self.mend();
        for quarter in &mut self.quarters {
            for member in &mut quarter.members {
                if let Member::Honest(node) = member {
                    node.set_fuse(None);
                    self.deeds.push(node.deeds());
                }
            }
        }
        for place in self.places() {
            self.repair(place);
        }
    }

    fn failure(&self, broken: Broken) -> Failure {
        Failure {
            seed: self.seed,
            shards: self.options.shards,
            nodes: self.options.nodes,
            at_ms: self.now.as_ms(),
            rule: broken.rule,
            how: broken.how,
            stands: self.stands(),
            trace: self.chronicle.lines(),
        }
    }

    /// The failure of a run that came to no verdict, because something panicked.
    pub(super) fn panicked(&self, how: String) -> Failure {
        self.failure(Broken {
            rule: "no panic",
            how,
        })
    }

    /// Where each member stands, one line each.
    fn stands(&self) -> Vec<String> {
        let describe = |(index, member): (usize, &Member)| match member {
            Member::Honest(node) => match node.ledger() {
                Some(ledger) => format!(
                    "node {index}: epoch {}, height {}, slot {}, {} waiting, {} under way",
                    ledger.scope.epoch,
                    ledger.tip.height,
                    ledger.tip.block.slot,
                    node.waiting(),
                    ledger.state.sessions.len()
                ),
                None => format!("node {index}: down"),
            },
            Member::Liar(liar) => format!("node {index}: {}", liar.name()),
        };
        self.members().enumerate().map(describe).collect()
    }
}

/// Who lies in the world of a seed, and whether the contract of the money trusts them.
fn trust(seed: u64, options: &Options) -> Trust {
    let shards: Vec<ShardId> = (0..).map(ShardId::new).take(options.shards).collect();
    let dishonest = options.casting.dishonest_shards(&shards);
    Trust::without(dishonest, Random::new(!seed).chance(500))
}
