//! Plausible names for any number, always the same.

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

const TOURS: [&str; 13] = [
    "Three days from hut to hut",
    "Kayaks among the islands",
    "Sunrise on the old volcano",
    "Markets and kitchens on foot",
    "A week along the pilgrims’ path",
    "Whales of the northern bay",
    "By bicycle through the vineyards",
    "Night sky over the desert",
    "The glacier and its valley",
    "Monasteries by mule",
    "A day with the shepherds",
    "Canyon for beginners",
    "The last sail of the season",
];

pub(crate) fn person(n: u32) -> String {
    format!("{} {}", pick(&GIVEN, n), pick(&FAMILY, n.wrapping_mul(7)))
}

pub(crate) fn agency(n: u32) -> String {
    format!("{} {}", pick(&PLACES, n - 1), pick(&TRADES, n - 1))
}

pub(crate) fn tour(client: u32, agency: u32) -> &'static str {
    pick(&TOURS, agency.wrapping_mul(5).wrapping_add(client))
}

fn pick(words: &[&'static str], n: u32) -> &'static str {
    words[n as usize % words.len()]
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn few_people_share_a_name() {
        assert_eq!((1..900).map(person).collect::<HashSet<_>>().len(), 899);
        assert_eq!((1..140).map(agency).collect::<HashSet<_>>().len(), 139);
    }

    #[test]
    fn every_number_has_a_name() {
        assert_eq!(person(u32::MAX), person(u32::MAX));
        assert!(!agency(u32::MAX).is_empty() && !tour(u32::MAX, u32::MAX).is_empty());
    }
}
