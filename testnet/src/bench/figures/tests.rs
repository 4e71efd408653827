//! Tests of the plan, the tables, the drawings and the model. What is measured is not tested.

use std::time::Duration;

use super::hosts::{Hosts, NODE_DELAY};
use super::plan::networks;
use super::run::quantiles;
use super::svg::{Axis, Chart, Line, Mark, Scale};
use super::{
    FIGURES, Figure, FiguresOptions, PERCENTILES, Point, Quantiles, Series, chart, csv, growth, of,
    published, write,
};
use crate::bench::drive::Arrivals;

fn options(figures: &[Figure], quick: bool) -> FiguresOptions {
    FiguresOptions {
        program: "chainspace".into(),
        directory: None,
        figures: figures.to_vec(),
        seconds: 6,
        quick,
        all_votes: false,
    }
}

#[test]
fn the_plan_has_objects_for_all_that_is_sent_and_fits_the_limits_of_a_network() {
    for quick in [false, true] {
        let networks = networks(&options(&FIGURES, quick));
        for network in &networks {
            assert!(network.shards as usize * network.nodes <= 64, "{network:?}");
            // 80 bytes for an owned object and 50 for a plain one, below 4 MiB.
            assert!(network.objects <= 24_000, "{network:?}");
            for step in &network.steps {
                assert!(step.transactions * network.inputs <= network.objects);
                if let Arrivals::Closed { in_flight } = step.arrivals {
                    assert_eq!(in_flight, network.in_flight);
                    let each = if network.inputs > 1 { 100 } else { 300 };
                    let in_turn = network.figure == Figure::Inputs && network.inputs == 1;
                    assert!(in_turn || in_flight == each * network.shards as usize);
                }
            }
            let signed = network.steps.iter().filter(|step| step.is_signed());
            assert_eq!(signed.count() * 2, network.steps.len(), "each is measured");
        }
        let figures: Vec<Figure> = networks.iter().map(|network| network.figure).collect();
        assert!(figures.is_sorted());
        assert!(FIGURES.iter().all(|figure| figures.contains(figure)));
    }
}

#[test]
fn only_what_is_asked_for_is_planned() {
    let networks = networks(&options(&[Figure::Latency], true));
    assert_eq!(networks.len(), 1);
    let rates: Vec<Arrivals> = networks[0].steps.iter().map(|step| step.arrivals).collect();
    let expected = [20, 20, 100, 100, 200, 200].map(|per_second| Arrivals::Open { per_second });
    assert_eq!(rates, expected);
    assert_eq!(Figure::numbered(9), Some(Figure::Nodes));
    assert_eq!(Figure::numbered(5), None);
}

#[test]
fn published_results_are_whole() {
    let counts = FIGURES.map(|figure| published(figure).len());
    assert_eq!(counts, [14, 10, 10, 15]);
    let shards = published(Figure::Shards);
    assert_eq!((shards[0].x, shards[0].per_second), (2.0, Some(77.9)));
    assert_eq!((shards[13].x, shards[13].deviation), (15.0, Some(46.9)));
}

fn measured(x: f64, series: Series, cpu_ms: f64) -> Point {
    Point {
        per_second: Some(1_000.0 * x),
        cpu_ms: Some(cpu_ms),
        per_block: Some(50.0),
        concerned: Some(1.0),
        ..Point::at(Figure::Shards, series, x)
    }
}

#[test]
fn growth_is_from_the_fewest_to_the_most_shards() {
    let mut points = published(Figure::Shards);
    assert_eq!(growth(&points, Series::Ours), None);
    points.push(measured(8.0, Series::Ours, 0.55));
    points.push(measured(1.0, Series::Ours, 0.50));
    points.push(measured(4.0, Series::Ours, 0.90));
    let found = growth(&points, Series::Ours).expect("two points");
    assert!((found - 10.0).abs() < 1e-9, "{found}");
    assert_eq!(growth(&points, Series::Signed), None);
}

#[test]
fn a_table_has_units_and_a_cell_for_each_column() {
    let latency = Quantiles {
        mean: 2.0,
        percentiles: [1.0, 1.0, 1.0, 2.0, 3.0, 4.0, 5.25],
    };
    let with_latency = Point {
        latency: Some(latency),
        ..measured(2.0, Series::Signed, 0.5)
    };
    let table = csv::table(&[published(Figure::Shards)[0], with_latency]);
    let expected = "figure,series,shards,committed_per_second,deviation_per_second,\
        cpu_ms_per_transaction,parts_per_block,shards_per_transaction,latency_mean_ms,\
        latency_p10_ms,latency_p25_ms,latency_p50_ms,latency_p75_ms,latency_p90_ms,latency_p99_ms,\
        latency_p100_ms\n\
        6,\"paper\",2,77.9,25.0,,,,,,,,,,,\n\
        6,\"ours, signed\",2,2000.0,,0.5000,50.0,1.000,2.0,1.0,1.0,1.0,2.0,3.0,4.0,5.2\n";
    assert_eq!(table, expected);
}

#[test]
fn a_drawing_has_every_line_within_its_frame() {
    let mark = |x, y| Mark { x, y, spread: 1.0 };
    let axis = |scale| Axis {
        name: "a < b".to_owned(),
        scale,
    };
    let line = |name: &str, is_dashed, marks| Line {
        name: name.to_owned(),
        colour: "#123456",
        is_dashed,
        marks,
    };
    let chart = Chart {
        title: "one & another".to_owned(),
        x: axis(Scale::Linear),
        y: axis(Scale::Logarithmic),
        lines: vec![
            line("first", false, vec![mark(1.0, 20.0), mark(8.0, 3_000.0)]),
            line("second", true, vec![mark(0.0, 0.0)]),
        ],
    };
    let text = chart.draw();
    for part in [
        "one &amp; another",
        "a &lt; b",
        ">first<",
        ">second<",
        ">10000<",
        "dasharray",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert_eq!(text.matches("<circle").count(), 3);
    assert_eq!(text.matches("<svg").count(), text.matches("</svg>").count());
    for circle in text.split("<circle ").skip(1) {
        let number = |name: &str| -> f64 {
            let (_, after) = circle.split_once(name).expect("it has a place");
            let (number, _) = after.split_once('"').expect("it is quoted");
            number.parse().expect("it is a number")
        };
        let (x, y) = (number("cx=\""), number("cy=\""));
        assert!(
            (0.0..=760.0).contains(&x) && (0.0..=440.0).contains(&y),
            "{circle}"
        );
    }
    assert!(!text.contains("NaN") && !text.contains("inf"));
}

#[test]
fn an_axis_begins_below_the_lowest_point_however_far_it_spreads() {
    let spread = Mark {
        x: 2.0,
        y: 78.0,
        spread: 25.0,
    };
    let axis = |scale| Axis {
        name: "axis".to_owned(),
        scale,
    };
    let chart = Chart {
        title: "spread".to_owned(),
        x: axis(Scale::Linear),
        y: axis(Scale::Logarithmic),
        lines: vec![Line {
            name: "one".to_owned(),
            colour: "#123456",
            is_dashed: false,
            marks: vec![spread],
        }],
    };
    let text = chart.draw();
    assert!(
        text.contains(">10</text>") && text.contains(">1000</text>"),
        "{text}"
    );
}

#[test]
fn every_figure_is_written_as_a_table_and_a_drawing() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut points: Vec<Point> = FIGURES.into_iter().flat_map(published).collect();
    points.push(measured(2.0, Series::Ours, 0.5));
    let files = write(&points, &folder.path().join("made")).expect("they can be written");
    assert_eq!(files.len(), 2 * FIGURES.len());
    assert!(files.iter().all(|file| file.exists()));
    let six: Vec<Point> = of(&points, Figure::Shards).copied().collect();
    let drawn = chart::draw(Figure::Shards, &six);
    assert!(drawn.contains("paper (a host per node)") && drawn.contains("ours (one machine)"));
    assert!(!drawn.contains("model"), "what has no points has no line");
}

#[test]
fn percentiles_of_latencies_are_latencies() {
    let mut latencies: Vec<Duration> = (1..=100).rev().map(Duration::from_millis).collect();
    let found = quantiles(&mut latencies).expect("there are some");
    assert_eq!(found.percentiles, PERCENTILES.map(f64::from));
    assert!((found.mean - 50.5).abs() < 1e-9);
    assert_eq!(quantiles(&mut []), None);
}

const fn hosts(shards: u32, inputs: usize) -> Hosts {
    Hosts {
        shards,
        inputs,
        in_flight: 100 * shards as usize,
        work: Duration::from_micros(100),
        delay: NODE_DELAY,
        sync: Duration::from_micros(500),
    }
}

#[test]
fn in_the_model_hosts_that_share_nothing_add_up_and_inputs_cost_in_several_shards() {
    let one = hosts(1, 1).per_second();
    // A hundred at a time: 10 ms of work, 3 ms for the block, and half a millisecond to send the next.
    assert!((6_000.0..10_000.0).contains(&one), "{one}");
    let eight = hosts(8, 1).per_second();
    assert!((7.0..9.0).contains(&(eight / one)), "{eight} {one}");
    let spread: Vec<f64> = [1, 2, 5, 10]
        .map(|inputs| hosts(5, inputs).per_second())
        .into();
    assert!(spread.is_sorted_by(|a, b| a > b), "{spread:?}");
    // Whoever touches all five shards costs five times as much.
    assert!(spread[3] > spread[0] / 8.0, "{spread:?}");
    assert_eq!(hosts(5, 3).per_second(), hosts(5, 3).per_second());
}
