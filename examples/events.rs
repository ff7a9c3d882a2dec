//! Makes JSON events, a line each: the clicks, orders and payments of a shop. The same seed gives the same
//! bytes, on every machine.
//!
//! `cargo run --release --example events -- --bytes 50000000 > events.jsonl`

use std::io::{self, BufWriter, Write};

use clap::Parser;

/// Make JSON events, a line each.
#[derive(Debug, Parser)]
struct Args {
    /// Stop behind the line with which this many bytes are reached.
    #[arg(long, default_value_t = 50_000_000)]
    bytes: u64,
    /// The same seed gives the same events.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

const NAMES: [&str; 12] =
    ["Ada", "Björn", "Chloé", "Đặng", "Élodie", "Фёдор", "Γιώργος", "华", "さくら", "אורי", "Zoë", "Ñusta"];
const PRODUCTS: [&str; 10] = [
    "Kaffeemühle",
    "crème brûlée torch",
    "notebook A5",
    "ручка",
    "USB-C cable 2 m",
    "抹茶 100 g",
    "bike light 🚲",
    "\"quoted\" mug",
    "sock\\pair",
    "tent",
];
const PAGES: [&str; 6] = ["/", "/search", "/cart", "/checkout", "/product", "/help/returns"];
const CURRENCIES: [&str; 4] = ["EUR", "USD", "JPY", "GBP"];

/// Words of a customer's note, which makes some events much longer than others.
const WORDS: [&str; 12] = [
    "please",
    "deliver",
    "before",
    "noon",
    "ring",
    "twice",
    "danke",
    "merci",
    "ありがとう",
    "gift",
    "wrap",
    "🎁",
];

/// When the first event happened, in milliseconds since the Unix epoch; a constant, or bytes would differ.
const FIRST_EVENT_MS: u64 = 1_790_000_000_000;

/// SplitMix64 (Steele, Lea, Flood 2014): small, fast, and the same everywhere.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    fn one_of<'a>(&mut self, words: &[&'a str]) -> &'a str {
        let at = usize::try_from(self.next() % 1000).unwrap_or(0) % words.len();
        words.get(at).copied().unwrap_or_default()
    }
}

/// An event, and how it is written.
struct Shop {
    random: Random,
    sequence: u64,
    now_ms: u64,
}

impl Shop {
    fn next_event(&mut self) -> serde_json::Value {
        self.sequence += 1;
        self.now_ms += self.random.below(40);
        let customer = self.random.below(20_000);
        let mut event = serde_json::json!({
            "id": format!("{:016x}", self.random.next()),
            "sequence": self.sequence,
            "ts": self.now_ms,
            "customer": customer,
        });
        let details = match self.random.below(10) {
            0..7 => self.click(),
            7 | 8 => self.order(),
            _ => self.payment(),
        };
        if let (Some(event), serde_json::Value::Object(details)) = (event.as_object_mut(), details) {
            event.extend(details);
        }
        event
    }

    fn click(&mut self) -> serde_json::Value {
        serde_json::json!({
            "type": "click",
            "page": self.random.one_of(&PAGES),
            "referrer": if self.random.below(3) == 0 { None } else { Some("https://example.org/?q=höhe") },
            "x": self.random.below(1920),
            "y": self.random.below(1080),
        })
    }

    fn order(&mut self) -> serde_json::Value {
        let items: Vec<serde_json::Value> = (0..=self.random.below(8))
            .map(|_| {
                serde_json::json!({
                    "product": self.random.one_of(&PRODUCTS),
                    "quantity": 1 + self.random.below(5),
                    "cents": 99 + self.random.below(50_000),
                })
            })
            .collect();
        // One order in twenty has a long note: sizes vary from 150 bytes to some kilobytes.
        let words = if self.random.below(20) == 0 { self.random.below(600) } else { 0 };
        let note: Vec<&str> = (0..words).map(|_| self.random.one_of(&WORDS)).collect();
        serde_json::json!({
            "type": "order",
            "name": self.random.one_of(&NAMES),
            "items": items,
            "currency": self.random.one_of(&CURRENCIES),
            "note": note.join(" "),
        })
    }

    fn payment(&mut self) -> serde_json::Value {
        serde_json::json!({
            "type": "payment",
            "order": format!("{:016x}", self.random.next()),
            "ok": self.random.below(50) != 0,
            "cents": self.random.below(200_000),
            "currency": self.random.one_of(&CURRENCIES),
        })
    }
}

fn write_events(args: &Args, out: impl Write) -> io::Result<()> {
    let mut out = BufWriter::with_capacity(64 * 1024, out);
    let mut shop = Shop { random: Random(args.seed), sequence: 0, now_ms: FIRST_EVENT_MS };
    let mut bytes = 0;
    while bytes < args.bytes {
        let line = shop.next_event().to_string();
        bytes += u64::try_from(line.len()).unwrap_or(u64::MAX) + 1;
        writeln!(out, "{line}")?;
    }
    out.flush()
}

fn main() -> io::Result<()> {
    match write_events(&Args::parse(), io::stdout().lock()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}
