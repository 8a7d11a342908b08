//! Generated names: a plausible name for any number, always the same.

const GIVEN: [&str; 32] = [
    "Mara", "Jonas", "Amina", "Felix", "Priya", "Tomás", "Yuki", "Elena", "Kofi", "Ingrid", "Mateo", "Leila",
    "Oskar", "Chiara", "Nikolai", "Zoë", "Samuel", "Hana", "Liam", "Noor", "Pavel", "Beatriz", "Emil",
    "Asha", "Viktor", "Marisol", "Anders", "Fatima", "Hugo", "Linh", "Stefan", "Rosa",
];

const FAMILY: [&str; 31] = [
    "Lindqvist",
    "Okafor",
    "Marchetti",
    "Nakamura",
    "Keller",
    "Rahman",
    "Sørensen",
    "Delgado",
    "Novak",
    "Haddad",
    "Fischer",
    "Moreau",
    "Petrov",
    "Castellanos",
    "Brandt",
    "Iyer",
    "Kowalski",
    "Almeida",
    "Nguyen",
    "Hoffmann",
    "Bakker",
    "Mensah",
    "Vidal",
    "Tanaka",
    "Weiss",
    "Karim",
    "Olsen",
    "Romano",
    "Dvořák",
    "Silva",
    "Byrne",
];

const PLACES: [&str; 16] = [
    "Alpine",
    "Blue Harbour",
    "Northern Light",
    "Red Canyon",
    "Olive Coast",
    "High Meadow",
    "Silver Fjord",
    "Old Town",
    "Wild Atlantic",
    "Lakeside",
    "Seven Peaks",
    "Desert Rose",
    "Green Valley",
    "Amber Bay",
    "Cedar Forest",
    "Sunrise",
];

const TRADES: [&str; 9] = [
    "Trails",
    "Expeditions",
    "Tours",
    "Journeys",
    "Outfitters",
    "Walks",
    "Travel Co.",
    "Guides",
    "Adventures",
];

/// The tours: title, summary, days and price in euros.
const TOURS: [Tour; 13] = [
    offer(
        "Three days from hut to hut",
        "Over two passes, with a guide who knows every spring. The huts cook, you walk.",
        3,
        420,
    ),
    offer(
        "Kayaks among the islands",
        "Short hops between beaches that no road reaches. No paddling experience needed.",
        2,
        260,
    ),
    offer(
        "Sunrise on the old volcano",
        "Up by the light of a lamp, breakfast at the rim, and down through the cloud forest.",
        1,
        95,
    ),
    offer(
        "Markets and kitchens on foot",
        "Four markets, three kitchens, and a table at the end. Come hungry.",
        1,
        80,
    ),
    offer(
        "A week along the pilgrims’ path",
        "Stone villages, chestnut woods and a bed in an old monastery each night.",
        7,
        890,
    ),
    offer(
        "Whales of the northern bay",
        "Small boats, a biologist on board, and hot soup when you are back.",
        1,
        140,
    ),
    offer(
        "By bicycle through the vineyards",
        "Quiet lanes along the river; your bags go ahead, and so does the picnic.",
        4,
        560,
    ),
    offer(
        "Night sky over the desert",
        "Camp without a lamp for miles, and a telescope that two can look through.",
        2,
        310,
    ),
    offer(
        "The glacier and its valley",
        "Crampons on in the morning, larch meadows in the afternoon. Six people at most.",
        2,
        330,
    ),
    offer(
        "Monasteries by mule",
        "The mules carry, you look up: frescoes, cliffs and eagles.",
        5,
        640,
    ),
    offer(
        "A day with the shepherds",
        "Milk at six, cheese at noon, and a dog that does all the work.",
        1,
        70,
    ),
    offer(
        "Canyon for beginners",
        "Slides, pools and one jump that you may also walk around. Wetsuits are ours.",
        1,
        110,
    ),
    offer(
        "The last sail of the season",
        "A wooden ketch, six bunks, and whatever wind there is.",
        6,
        1150,
    ),
];

/// A tour of an agency.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tour {
    pub(crate) title: &'static str,
    pub(crate) summary: &'static str,
    pub(crate) days: u32,
    /// In euros.
    pub(crate) price: u32,
}

const fn offer(title: &'static str, summary: &'static str, days: u32, price: u32) -> Tour {
    Tour {
        title,
        summary,
        days,
        price,
    }
}

pub(crate) fn person(n: u32) -> String {
    format!("{} {}", pick(&GIVEN, n), pick(&FAMILY, n.wrapping_mul(7)))
}

pub(crate) fn agency(n: u32) -> String {
    format!("{} {}", pick(&PLACES, n - 1), pick(&TRADES, n - 1))
}

pub(crate) fn tour(agency: u32) -> Tour {
    pick(&TOURS, agency.wrapping_mul(5))
}

fn pick<T: Copy>(some: &[T], n: u32) -> T {
    some[n as usize % some.len()]
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn names_rarely_repeat() {
        assert_eq!((1..900).map(person).collect::<HashSet<_>>().len(), 899);
        assert_eq!((1..140).map(agency).collect::<HashSet<_>>().len(), 139);
    }

    #[test]
    fn every_number_has_a_name() {
        assert_eq!(person(u32::MAX), person(u32::MAX));
        assert!(!agency(u32::MAX).is_empty() && !tour(u32::MAX).title.is_empty());
    }
}
