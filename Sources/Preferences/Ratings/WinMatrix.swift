/// Shares of the win of each item against each.
package struct WinMatrix: Sendable, Equatable {
    package struct Cell: Sendable, Equatable {
        package var battles = 0
        /// The row's sum of shares: wins, half of the ties, and probabilities of soft votes.
        package var score = 0.0
        package var ties = 0

        package init() {}

        package var rate: Double? { battles > 0 ? score / Double(battles) : nil }
    }

    package let items: Int
    private var cells: [Cell]

    package init(_ table: BattleTable) {
        items = table.items.count
        cells = [Cell](repeating: Cell(), count: items * items)
        for battle in table.battles {
            add(battle.left, battle.right, battle.score, battle.isTie)
            add(battle.right, battle.left, 1 - battle.score, battle.isTie)
        }
    }

    package subscript(row: Int, column: Int) -> Cell { cells[row * items + column] }

    private mutating func add(_ row: Int, _ column: Int, _ score: Double, _ isTie: Bool) {
        let place = row * items + column
        cells[place].battles += 1
        cells[place].score += score
        cells[place].ties += isTie ? 1 : 0
    }

    /// Over all opponents.
    package func total(_ row: Int) -> Cell {
        (0..<items).reduce(into: Cell()) { sum, column in
            let cell = self[row, column]
            sum.battles += cell.battles
            sum.score += cell.score
            sum.ties += cell.ties
        }
    }
}
