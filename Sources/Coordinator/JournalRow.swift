import GRDB

/// What is wrong with the contents of a journal: the file was damaged, or somebody else wrote into it.
struct JournalProblem: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}

/// SQLite keeps any value in any column, whatever its declared type, and GRDB's subscript traps at one of another type.
extension Row {
    /// Of steps, jobs and parts: so many that what is computed from them cannot overflow.
    private static let largestNumber = 1 << 40

    func read<Value: DatabaseValueConvertible>(_ column: String, of table: String) throws -> Value {
        let stored: DatabaseValue = self[column]
        guard let value = Value.fromDatabaseValue(stored) else {
            throw JournalProblem(
                "the table \(table) has \("\(stored)".prefix(80)) in the column \(column), which is no \(Value.self)")
        }
        return value
    }

    /// A count, from 0.
    func number(_ column: String, of table: String) throws -> Int {
        let value: Int = try read(column, of: table)
        guard (0...Self.largestNumber).contains(value) else {
            throw JournalProblem("the table \(table) has \(value) in the column \(column), which cannot be")
        }
        return value
    }
}
