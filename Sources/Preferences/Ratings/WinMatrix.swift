/// Shares of the win of each item against each.
package struct WinMatrix: Sendable, Equatable {
    package struct Cell: Sendable, Equatable {
        package var battles = 0
        /// The row's sum of shares: wins, half of the ties, and probabilities of soft votes.
        package var score = 0.0
        package var ties = 0

        package init() {}

        fileprivate mutating func add(_ share: Double, _ isTie: Bool) {
            battles += 1
            score += share
            ties += isTie ? 1 : 0
        }

        package var rate: Double? { battles > 0 ? score / Double(battles) : nil }
    }

    package let items: Int
    /// Cells with a battle, by row and column in one number.
    private var cells: [Int: Cell] = [:]
    private var totals: [Cell]

    package init(_ table: BattleTable) {
        items = table.items.count
        totals = [Cell](repeating: Cell(), count: items)
        for battle in table.battles {
            add(battle.left, battle.right, battle.score, battle.isTie)
            add(battle.right, battle.left, 1 - battle.score, battle.isTie)
        }
    }

    package subscript(row: Int, column: Int) -> Cell { cells[row * items + column] ?? Cell() }

    private mutating func add(_ row: Int, _ column: Int, _ score: Double, _ isTie: Bool) {
        cells[row * items + column, default: Cell()].add(score, isTie)
        totals[row].add(score, isTie)
    }

    /// Over all opponents.
    package func total(_ row: Int) -> Cell { totals[row] }
}
