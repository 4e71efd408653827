//! One world: a shard, its users and everything that goes wrong, from a seed to a verdict.

mod trouble;

use std::collections::BTreeSet;

use model::Time;
use model::shard::Seat;

use super::agenda::Agenda;
use super::around::{Around, Effect, Happening};
use super::chronicle::{Chronicle, Event};
use super::clients::{Clients, Submission};
use super::fault::Faults;
use super::habits::Habits;
use super::network::{Network, Weather};
use super::node::Node;
use super::options::Options;
use super::plan;
use super::random::Random;
use super::setting::Setting;
use super::verdict::{Failure, Summary};
use crate::adversary::{self, Adversary};
use crate::invariants::{Broken, Judges, audit};

/// How soon after calm begins everything is to be decided, certified and the same everywhere, in
/// milliseconds. A time-out may have grown to eight seconds by then, and some leaders may lie.
const SETTLED_MS: u64 = 45_000;

/// How long after that nodes may still finish what they were at, and echoes arrive, in milliseconds.
const AFTERMATH_MS: u64 = 22_000;

/// How long they are then watched to be silent, in milliseconds.
const SILENCE_MS: u64 = 20_000;

/// How long a node that crashed stays down, in milliseconds: longer than what it said is under way
/// when the network is calm, as a link carries what was said over it or breaks.
const DOWN_MS_MIN: u64 = 50;
const DOWN_MS_MAX: u64 = 3_000;

/// How many of a thousand nodes that crash stay down until the network is calm.
const DOWN_FOR_LONG: u64 = 150;

/// Whoever has a seat.
enum Member {
    Honest(Box<Node>),
    Liar(Box<dyn Adversary>),
}

/// A world.
pub(super) struct World {
    seed: u64,
    options: Options,
    setting: Setting,
    now: Time,
    agenda: Agenda<Event>,
    network: Network,
    members: Vec<Member>,
    clients: Clients,
    judges: Judges,
    chronicle: Chronicle,
    random: Random,
    calm: bool,
    crashes: u64,
    /// What went wrong that is not the business of one node.
    faults: Faults,
    /// Who may forget what it signed.
    forgetful: Vec<Seat>,
    /// How many things each node had done when the network became calm.
    deeds: Vec<u64>,
    /// Frames that honest nodes have sent.
    frames: u64,
    /// Whether nodes are told when a link comes up again.
    links_tell: bool,
}

impl World {
    /// The world that a seed stands for.
    pub(super) fn new(seed: u64, options: &Options) -> Self {
        let mut random = Random::new(seed);
        let setting = Setting::new(options.nodes);
        let liars = adversary::cast(options.casting, &setting, &mut random);
        let seats: BTreeSet<Seat> = liars.keys().copied().collect();
        let mut judges = Judges::new(&setting, &seats);
        let forgetful = trouble::forgetful(options.forgetting, &setting, &seats, &mut random);
        if let Some(rule) = options.dismissed {
            judges.dismiss(rule);
        }
        let mut liars = liars;
        let members = setting
            .seats()
            .map(|seat| match liars.remove(&seat) {
                Some(liar) => Member::Liar(liar),
                None => {
                    let habits = Habits::any(&mut random, options.flaw);
                    let node = Node::new(seat, 0, habits, &setting, &mut random);
                    Member::Honest(Box::new(node))
                }
            })
            .collect();
        let mut world = Self {
            seed,
            now: Time::ZERO,
            agenda: Agenda::new(random.fork()),
            network: Network::new(random.fork(), Weather::calm(), options.nodes),
            members,
            clients: Clients::new(&setting, random.fork()),
            judges,
            chronicle: Chronicle::default(),
            links_tell: random.chance(700),
            options: options.clone(),
            setting,
            random,
            calm: false,
            crashes: 0,
            faults: Faults::default(),
            forgetful,
            deeds: Vec::new(),
            frames: 0,
        };
        world.set_up();
        world
    }

    /// Enters what is going to happen whatever else does.
    fn set_up(&mut self) {
        for (at, trouble) in plan::draw(&self.options, &mut self.random) {
            self.agenda.enter(at, Event::Trouble(trouble));
        }
        for seat in self.setting.seats() {
            let at = Time::from_ms(self.random.within(&(0..=200)));
            self.happens(at, seat, Happening::Begin);
        }
        let mut at = 0;
        while at < self.options.turmoil_ms {
            self.agenda.enter(Time::from_ms(at), Event::Users);
            at += self.random.within(&(1..=self.options.pause_ms));
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
        let latest = calm.plus_ms(SETTLED_MS);
        while let Err(how) = self.judges.liveness.settled() {
            match self.agenda.next_time() {
                Some(next) if next <= latest => self.pass(next)?,
                Some(_) | None => return Err(unsettled(how)),
            }
        }
        let settled = self.now;
        self.judges.liveness.just().map_err(unsettled)?;
        self.pass(settled.plus_ms(AFTERMATH_MS))?;
        self.listen()?;
        self.judges.liveness.settled().map_err(unsettled)?;
        self.audit()?;
        let (committed, aborted) = self.judges.liveness.outcomes();
        Ok(Summary {
            seed: self.seed,
            height: self.judges.liveness.highest().number(),
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
            states: self.judges.coverage.take(),
        })
    }

    /// Watches nodes that have nothing to do.
    fn listen(&mut self) -> Result<(), Broken> {
        let (frames, height) = (self.frames, self.judges.liveness.highest());
        self.pass(self.now.plus_ms(SILENCE_MS))?;
        let frames = self.frames - frames;
        let silent = self.judges.liveness.silent(frames, SILENCE_MS, height);
        // Liars may keep honest nodes answering.
        if self.liars() > 0 {
            Ok(())
        } else {
            silent.map_err(unsettled)
        }
    }

    /// Lays the history of one honest node before the auditor.
    fn audit(&self) -> Result<(), Broken> {
        let honest = self.members.iter().find_map(|member| match member {
            Member::Honest(node) => node.history(),
            Member::Liar(_) => None,
        });
        let Some((history, ledger)) = honest else {
            return Ok(());
        };
        audit::in_order(&self.setting, history, ledger).map_err(|how| Broken {
            rule: audit::RULE,
            how,
        })
    }

    fn liars(&self) -> usize {
        let is_liar = |member: &&Member| matches!(member, Member::Liar(_));
        self.members.iter().filter(is_liar).count()
    }

    fn lies(&self) -> u64 {
        let lies = |member: &Member| match member {
            Member::Honest(_) => 0,
            Member::Liar(liar) => liar.lies(),
        };
        self.members.iter().map(lies).sum()
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
            Event::Happens { seat, happening } => self.hand_to_member(seat, happening),
            Event::Trouble(trouble) => self.trouble(trouble),
            Event::Crashed(_) => {} // it is here to be read in the chronicle
            Event::Users => {
                let submissions = self.clients.act(self.now);
                self.submit(submissions);
            }
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

    fn happens(&mut self, at: Time, seat: Seat, happening: Happening) {
        self.agenda
            .enter(at.max(self.now), Event::Happens { seat, happening });
    }

    fn submit(&mut self, submissions: Vec<Submission>) {
        for (seat, bytes) in submissions {
            let at = self.now.plus_ms(self.random.within(&(0..=20)));
            self.happens(at, seat, Happening::Submitted(bytes));
        }
    }

    fn hand_to_member(&mut self, seat: Seat, happening: Happening) {
        let begins = matches!(happening, Happening::Begin);
        self.act(seat, |member, around| match member {
            Member::Honest(node) => node.on(around, happening),
            Member::Liar(liar) => liar.on(around, happening),
        });
        if begins {
            for other in self.setting.others(seat).collect::<Vec<_>>() {
                self.link_up(seat, other);
            }
        }
    }

    /// Lets a member act, and carries out what it does.
    fn act(&mut self, seat: Seat, action: impl FnOnce(&mut Member, &mut Around<'_>)) {
        let member = &mut self.members[seat.index()];
        let honest = matches!(member, Member::Honest(_));
        let mut around = Around {
            now: self.now,
            random: &mut self.random,
            setting: &self.setting,
            judges: honest.then_some(&mut self.judges),
            effects: Vec::new(),
        };
        action(member, &mut around);
        for effect in around.effects {
            self.carry(seat, effect, honest);
        }
        for (transaction, outcome) in self.judges.liveness.news() {
            self.clients.learn(&transaction, outcome);
        }
    }

    fn carry(&mut self, from: Seat, effect: Effect, honest: bool) {
        match effect {
            Effect::Send { to, frame } => {
                self.frames += u64::from(honest);
                for at in self.network.arrivals(self.now, from, to) {
                    let frame = frame.clone();
                    self.happens(at, to, Happening::Arrived { from, frame });
                }
            }
            Effect::Cut(cut) if !self.calm && !honest => self.network.cut(cut),
            Effect::Cut(_) => {}
            Effect::Wake { at, alarm } => self.happens(at, from, Happening::Alarm(alarm)),
            Effect::Crashed => {
                self.crashes += u64::from(honest);
                self.agenda.enter(self.now, Event::Crashed(from));
                let mut down = self.random.within(&(DOWN_MS_MIN..=DOWN_MS_MAX));
                if self.random.chance(DOWN_FOR_LONG) {
                    down = self.options.turmoil_ms;
                }
                let back = self.now.plus_ms(down);
                let calm = Time::from_ms(self.options.turmoil_ms);
                let latest = calm.plus_ms(self.random.within(&(0..=500)));
                self.happens(back.min(latest), from, Happening::Begin);
            }
        }
    }

    /// All links are whole again.
    fn mend(&mut self) {
        for (from, to) in self.network.mend() {
            if from < to {
                self.link_up(from, to);
            }
        }
    }

    fn link_up(&mut self, one: Seat, two: Seat) {
        if self.links_tell {
            for (seat, other) in [(one, two), (two, one)] {
                let at = self.now.plus_ms(self.random.within(&(0..=100)));
                self.happens(at, seat, Happening::LinkUp(other));
            }
        }
    }

    /// From now on everything goes well: nothing is lost, nobody crashes, clocks are right.
    fn calm(&mut self) {
        self.calm = true;
        self.network.turn(Weather::calm());
        self.mend();
        for member in &mut self.members {
            if let Member::Honest(node) = member {
                node.set_fuse(None);
                self.deeds.push(node.deeds());
            }
        }
        for seat in self.setting.seats() {
            self.repair(seat);
        }
    }

    fn failure(&self, broken: Broken) -> Failure {
        Failure {
            seed: self.seed,
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
                    "node {index}: height {}, slot {}, {} waiting",
                    ledger.tip.height,
                    ledger.tip.block.slot,
                    node.waiting()
                ),
                None => format!("node {index}: down"),
            },
            Member::Liar(liar) => format!("node {index}: {}", liar.name()),
        };
        self.members.iter().enumerate().map(describe).collect()
    }
}

fn unsettled(how: String) -> Broken {
    Broken {
        rule: "liveness",
        how,
    }
}
