//! `chainspace explore sbac`: everything that can happen to transactions of several shards, in the models
//! of the catalogue.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use testnet::exploration::Broken;
use testnet::exploration::sbac::Report;
use testnet::exploration::sbac::catalogue::{Named, Verdict, catalogue};

use super::{Meter, STATES};
use crate::exit::{Exit, Failure};
use crate::output::{Done, Output};
use crate::{near, table};

const EXAMPLES: &str = "Examples:
  chainspace explore sbac
  chainspace explore sbac decider all-votes
  chainspace explore sbac dishonest-decider --json
  chainspace explore sbac decider-liar --states 10000";

/// Transactions of several shards, whatever is shown to whom and when
#[derive(Debug, clap::Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Sbac {
    /// What is explored, as `explore list` calls it [default: every model in turn]
    #[arg(value_name = "MODEL")]
    models: Vec<String>,
    /// States to look at, for each model
    #[arg(long, value_name = "N", default_value_t = STATES, value_parser = clap::value_parser!(u64).range(1..))]
    states: u64,
}

const LIST_EXAMPLES: &str = "Examples:
  chainspace explore list
  chainspace explore list --json";

/// List the models of several shards
#[derive(Debug, clap::Args)]
#[command(before_help = LIST_EXAMPLES)]
pub(crate) struct List {}

/// What became of a model.
struct Explored {
    named: Named,
    found: Result<Report, Broken>,
    took: Duration,
}

pub(super) fn run(sbac: &Sbac, output: &Output) -> Result<Done, Failure> {
    let states_max = usize::try_from(sbac.states).unwrap_or(usize::MAX);
    let mut all = Vec::new();
    for named in chosen(&sbac.models)? {
        let began = Instant::now();
        let mut meter = Meter::new(named.name.to_owned(), output);
        let found = named.explore(states_max, |progress| meter.show(progress));
        let took = began.elapsed();
        let explored = Explored { named, found, took };
        explored.tell(output);
        all.push(explored);
    }
    conclude(&all)
}

pub(super) fn list() -> Done {
    let models = catalogue();
    let mut table = table::new(["MODEL", "MUST COME TO", "WHAT HAPPENS"], &[]);
    for named in &models {
        table.add_row([named.name, &named.expected.to_string(), named.about]);
    }
    let data = models.iter().map(|named| {
        json!({
            "model": named.name,
            "expected": named.expected.to_string(),
            "about": named.about,
        })
    });
    Done {
        text: table.trim_fmt(),
        data: json!({ "models": data.collect::<Vec<_>>() }),
    }
}

/// The models with these names, or all of them.
fn chosen(names: &[String]) -> Result<Vec<Named>, Failure> {
    let models = catalogue();
    if names.is_empty() {
        return Ok(models);
    }
    let find = |name: &String| {
        let found = models.iter().find(|named| named.name == name);
        found.cloned().ok_or_else(|| unknown(name, &models))
    };
    names.iter().map(find).collect()
}

fn unknown(name: &str, models: &[Named]) -> Failure {
    let known: Vec<String> = models.iter().map(|named| named.name.to_owned()).collect();
    let failure = Failure::usage(format!("there is no model {name}"));
    match near::nearest(name, &known) {
        Some(meant) => failure.hint(format!("did you mean {meant}?")),
        None => failure.hint(format!("there are {}", known.join(", "))),
    }
}

/// All of them, and a failure if one came to what it must not.
fn conclude(all: &[Explored]) -> Result<Done, Failure> {
    let sentences = all.iter().map(Explored::sentence);
    let text = sentences.collect::<Vec<_>>().join("\n");
    let data = json!({ "explored": all.iter().map(Explored::data).collect::<Vec<_>>() });
    let wrong: Vec<String> = all
        .iter()
        .filter(|explored| !explored.is_expected())
        .map(|explored| {
            format!(
                "{} (it must: {})",
                explored.named.name, explored.named.expected
            )
        })
        .collect();
    if wrong.is_empty() {
        return Ok(Done { text, data });
    }
    let message = format!("what must not be was found in {}", wrong.join(", "));
    Err(Failure {
        text,
        data: Box::new(data),
        ..Failure::new(Exit::Failed, message)
    })
}

impl Explored {
    fn is_expected(&self) -> bool {
        self.named.expected.admits(&self.found)
    }

    /// Says what was found, and how the first of it came about.
    fn tell(&self, output: &Output) {
        output.note(self.sentence());
        let tell = |title: &str, story: &[String]| {
            if !story.is_empty() {
                output.note(format_args!("  {title}:"));
                for line in story {
                    output.note(format_args!("    {line}"));
                }
            }
        };
        match &self.found {
            Ok(report) => {
                tell("how the first split comes about", &report.first_split);
                tell("how the first one gets stuck", &report.first_stuck);
            }
            Err(broken) => tell("how it comes about", &broken.story),
        }
    }

    fn sentence(&self) -> String {
        let name = self.named.name;
        let must = if self.is_expected() {
            "as it must"
        } else {
            "as it must not"
        };
        let seconds = self.took.as_secs_f64();
        let report = match &self.found {
            Ok(report) => report,
            Err(broken) => {
                return format!(
                    "{name}: breaks a rule, {must}: {}, {seconds:.1} s",
                    broken.how
                );
            }
        };
        let extent = if report.exhausted { "all" } else { "the first" };
        let found = match Verdict::of(report) {
            Verdict::Holds => "every rule holds".to_owned(),
            found => format!("{found}, {must},"),
        };
        let stuck = if report.exhausted {
            format!("{} stuck", report.stuck)
        } else {
            "stuck or not is not known".to_owned()
        };
        format!(
            "{name}: {found} in {extent} {} states, {} moves, {} stands, {} calls of the ledger, \
             {} committed, {} split, {stuck}, {seconds:.1} s",
            report.states,
            report.moves,
            report.stands,
            report.steps,
            report.committed,
            report.splits,
        )
    }

    fn data(&self) -> Value {
        let mut data = json!({
            "model": self.named.name,
            "expected": self.named.expected.to_string(),
            "as_expected": self.is_expected(),
            "milliseconds": self.took.as_millis(),
        });
        let found = match &self.found {
            Ok(report) => json!({
                "found": Verdict::of(report).to_string(),
                "exhausted": report.exhausted,
                "states": report.states,
                "moves": report.moves,
                "stands": report.stands,
                "steps": report.steps,
                "committed": report.committed,
                "splits": report.splits,
                "stuck": report.exhausted.then_some(report.stuck),
                "first_split": report.first_split,
                "first_stuck": report.first_stuck,
            }),
            Err(broken) => json!({
                "found": "breaks a rule",
                "how": broken.how,
                "story": broken.story,
            }),
        };
        if let (Value::Object(data), Value::Object(found)) = (&mut data, found) {
            data.extend(found);
        }
        data
    }
}
