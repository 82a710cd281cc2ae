/// Ratings, win rates and their intervals of all sources.
package struct Leaderboard: Sendable {
    package struct Rating: Sendable, Equatable {
        package var value: Double
        /// The interval of 95 %; nil where one prompt is too few to tell.
        package var low: Double?
        package var high: Double?
    }

    package struct Row: Sendable, Equatable {
        /// Index in the table.
        package var item: Int
        package var name: String
        /// Which of the sets that can be rated it belongs to, from 0; nil without a rating.
        package var set: Int?
        package var rating: Rating?
        /// Why there is no rating.
        package var unrated: String?
        /// Best and worst rank in the set that the intervals of differences allow.
        package var ranks: ClosedRange<Int>?
        /// The rating with length and Markdown held equal.
        package var styled: Rating?
        /// On the scale of Davidson's model.
        package var davidson: Double?
        package var elo: Double
        package var eloSpread: Elo.Spread?
        package var battles: Int
        /// Sum of shares: wins, half of the ties, probabilities of soft votes.
        package var score: Double
        /// Votes that preferred it, by the verdict.
        package var wins: Int
        package var ties: Int

        /// Mean share of the win.
        package var scoreRate: Double? { battles > 0 ? score / Double(battles) : nil }
        /// Verdicts for it out of all its battles. Differs from ``scoreRate`` with ties and soft votes.
        package var winRate: Double? { battles > 0 ? Double(wins) / Double(battles) : nil }
    }

    package let table: BattleTable
    package let rows: [Row]
    package let matrix: WinMatrix
    package let connectivity: Connectivity
    package let scale: RatingScale
    /// Coefficients of style by name, on the natural scale, of the largest set; nil without texts.
    package let style: [(name: String, coefficient: Double)]?
    /// Davidson's nu of the largest set.
    package let nu: Double?
    /// The fits behind the ratings, by set.
    package let fits: [BradleyTerry]

    /// - Parameters:
    ///   - votes: what the table was made from.
    ///   - shuffles: orders of the battles in which Elo is computed again.
    package init(
        _ table: BattleTable, votes: [Vote], scale: RatingScale = RatingScale(), shuffles: Int = 20, seed: UInt64 = 1
    ) {
        let connectivity = Connectivity(table)
        let matrix = WinMatrix(table)
        let styledTable = table.styled(votes)
        var elo = Elo(items: table.items.count, initial: scale.centre, scale: scale.points)
        elo.record(table.battles)
        let spread = elo.spread(table.battles, shuffles: shuffles, seed: seed)
        var wins = [Int](repeating: 0, count: table.items.count)
        for battle in table.battles where !battle.isTie && battle.score != 0.5 {
            wins[battle.score > 0.5 ? battle.left : battle.right] += 1
        }
        var rows = table.items.indices.map { item in
            let total = matrix.total(item)
            return Row(
                item: item, name: table.items[item], elo: elo.ratings[item],
                eloSpread: spread.isEmpty ? nil : spread[item], battles: total.battles, score: total.score,
                wins: wins[item], ties: total.ties)
        }
        var fits: [BradleyTerry] = []
        var coefficients: [Double]?
        var nu: Double?
        for items in connectivity.rated {
            guard let fit = BradleyTerry(table, among: items) else {
                let isTooLarge = items.count > BradleyTerry.mostItems
                let reason =
                    isTooLarge
                    ? "more than \(BradleyTerry.mostItems) sources are not rated together"
                    : "the likelihood reached no maximum"
                for item in items { rows[item].unrated = reason }
                continue
            }
            let davidson = Davidson(table, among: items)
            let styled = styledTable.flatMap {
                BradleyTerry($0, among: items, covariates: StyleControl.names.count, ridge: StyleControl.ridge)
            }
            if fits.isEmpty { (coefficients, nu) = (styled?.coefficients, davidson?.nu) }
            let ranks = Self.ranks(fit)
            for (place, item) in items.enumerated() {
                rows[item].set = fits.count
                rows[item].rating = Self.rating(fit, place, scale)
                rows[item].styled = styled.map { Self.rating($0, place, scale) }
                rows[item].davidson = davidson.map { scale.shown($0.ratings[place]) }
                rows[item].ranks = ranks?[place]
            }
            fits.append(fit)
        }
        for item in rows.indices where rows[item].rating == nil && rows[item].unrated == nil {
            rows[item].unrated = Self.reason(item, table, connectivity)
        }
        self.table = table
        self.scale = scale
        self.connectivity = connectivity
        self.matrix = matrix
        self.rows = rows.sorted(by: Self.isBefore)
        self.fits = fits
        style = coefficients.map { values in zip(StyleControl.names, values).map { (name: $0, coefficient: $1) } }
        self.nu = nu
    }

    private static func isBefore(_ a: Row, _ b: Row) -> Bool {
        if a.set != b.set { return a.set ?? .max < b.set ?? .max }
        let (left, right) = (a.rating?.value ?? a.scoreRate ?? 0, b.rating?.value ?? b.scoreRate ?? 0)
        return left != right ? left > right : a.name < b.name
    }

    private static func rating(_ fit: BradleyTerry, _ place: Int, _ scale: RatingScale) -> Rating {
        let value = scale.shown(fit.ratings[place])
        guard let errors = fit.errors else { return Rating(value: value) }
        let reach = scale.width(fit.reach * errors[place])
        return Rating(value: value, low: value - reach, high: value + reach)
    }

    /// An item is certainly behind those that beat it by more than the interval of their difference.
    private static func ranks(_ fit: BradleyTerry) -> [ClosedRange<Int>]? {
        guard fit.covariance != nil else { return nil }
        let count = fit.items.count
        return (0..<count).map { item in
            var (ahead, behind) = (0, 0)
            for other in 0..<count where other != item {
                guard let error = fit.differenceError(item, other) else { continue }
                let difference = fit.ratings[other] - fit.ratings[item]
                if difference > fit.reach * error { ahead += 1 }
                if -difference > fit.reach * error { behind += 1 }
            }
            return ahead + 1...max(ahead + 1, count - behind)
        }
    }

    private static func reason(_ item: Int, _ table: BattleTable, _ connectivity: Connectivity) -> String {
        var (battles, won, lost) = (0, false, false)
        for battle in table.battles where battle.left == item || battle.right == item {
            let share = battle.left == item ? battle.score : 1 - battle.score
            battles += 1
            won = won || share > 0
            lost = lost || share < 1
        }
        return switch (won, lost) {
        case (false, false): "no battles"
        case (true, false): "won all of its \(battles) battles"
        case (false, true): "lost all of its \(battles) battles"
        case (true, true): "no chain of wins leads from those who beat it back to it"
        }
    }
}
