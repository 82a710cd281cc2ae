/// Whose preference is learned: votes by group of annotators, and where groups disagree.
package struct GroupSlices: Sendable {
    package struct Slice: Sendable, Equatable {
        package var group: String
        package var annotators: Int
        package var votes: Int
        /// Its part of all votes, which is its part in what is learned.
        package var share: Double
        /// Krippendorff's alpha within the group, nominal.
        package var alpha: Double?
        /// How often its preferences are those of most votes of the other groups on the same pairs.
        package var agreeing = 0
        package var compared = 0
        package var length: LengthPreference
    }

    /// A source that two groups rate differently.
    package struct Difference: Sendable, Equatable {
        package var source: String
        package var groups: [String]
        /// Ratings on the natural scale, each with mean 0 over the sources that both groups rate.
        package var ratings: [Double]
        /// The difference in its standard errors.
        package var z: Double
    }

    /// The attribute by which annotators are divided, such as a country.
    package let attribute: String
    package let slices: [Slice]
    /// Beyond 3 standard errors, largest first.
    package let differences: [Difference]

    /// - Returns: nil when no vote has the attribute.
    package init?(_ votes: [Vote], attribute: String) {
        let grouped = Dictionary(grouping: votes.filter { $0.groups[attribute] != nil && $0.verdict != .skip }) {
            $0.groups[attribute] ?? ""
        }
        guard !grouped.isEmpty else { return nil }
        self.attribute = attribute
        let all = votes.count { $0.verdict != .skip }
        let names = grouped.keys.sorted()
        slices = names.compactMap { name in
            grouped[name].map { own in
                let rest = Majority(names.filter { $0 != name }.flatMap { grouped[$0] ?? [] })
                let agreements = own.compactMap { rest.agrees($0) }
                return Slice(
                    group: name, annotators: Set(own.map(\.annotator)).count, votes: own.count,
                    share: Double(own.count) / Double(max(1, all)), alpha: Agreement(own).alpha[.nominal],
                    agreeing: agreements.count { $0 }, compared: agreements.count, length: LengthPreference(own))
            }
        }
        differences = Self.differences(names, grouped)
    }

    /// Attributes that some vote has.
    package static func attributes(_ votes: [Vote]) -> [String] { Set(votes.flatMap(\.groups.keys)).sorted() }

    private struct Fit {
        var fit: BradleyTerry
        var names: [String]
    }

    private static func differences(_ groups: [String], _ votes: [String: [Vote]]) -> [Difference] {
        let fits = groups.map { group -> Fit? in
            let table = BattleTable(votes[group] ?? [])
            guard let set = Connectivity(table).rated.first, let fit = BradleyTerry(table, among: set),
                fit.covariance != nil
            else { return nil }
            return Fit(fit: fit, names: set.map { table.items[$0] })
        }
        var found: [Difference] = []
        for (index, second) in fits.enumerated() {
            for (other, first) in fits[..<index].enumerated() {
                guard let first, let second else { continue }
                found += compare(first, second, [groups[other], groups[index]])
            }
        }
        return found.sorted { abs($0.z) != abs($1.z) ? abs($0.z) > abs($1.z) : $0.source < $1.source }
    }

    private static func compare(_ a: Fit, _ b: Fit, _ groups: [String]) -> [Difference] {
        let common = Set(a.names).intersection(b.names).sorted()
        guard common.count > 1 else { return [] }
        let sides = [a, b].map { side in common.compactMap { side.names.firstIndex(of: $0) } }
        return common.indices.compactMap { index in
            let (first, second) = (centred(a.fit, sides[0], index), centred(b.fit, sides[1], index))
            let error = (first.variance + second.variance).squareRoot()
            guard error > 0 else { return nil }
            let z = (first.rating - second.rating) / error
            guard abs(z) > 3 else { return nil }
            return Difference(
                source: common[index], groups: groups, ratings: [first.rating, second.rating], z: z)
        }
    }

    /// A rating less the mean over some items, and its variance.
    private static func centred(
        _ fit: BradleyTerry, _ places: [Int], _ index: Int
    ) -> (rating: Double, variance: Double) {
        let count = Double(places.count)
        let mean = places.reduce(0) { $0 + fit.ratings[$1] } / count
        guard let covariance = fit.covariance else { return (fit.ratings[places[index]] - mean, 0) }
        let weights = places.indices.map { ($0 == index ? 1 : 0) - 1 / count }
        var variance = 0.0
        for (a, weight) in weights.enumerated() {
            for (b, other) in weights.enumerated() { variance += weight * other * covariance[places[a], places[b]] }
        }
        return (fit.ratings[places[index]] - mean, max(0, variance))
    }
}
