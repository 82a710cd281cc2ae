/// How much a parser of JSON takes.
enum JSONDialect: Sendable {
    /// RFC 8259. Objects keep keys that are there twice.
    case strict
    /// What Python's `json.loads` takes and makes of it: NaN and infinities, integers of any size, other numbers
    /// beyond the range of `Double` as infinities, and of a key that is there twice the last value at the first place. Halves of surrogate pairs, which
    /// Python takes and cannot write to a file, are errors.
    case python
}

/// What is wrong with a document of JSON, and where.
package struct JSONProblem: Error, Sendable {
    package let reason: String
    /// From 1.
    package let line: Int
    /// In characters, from 1.
    package let column: Int
}

/// The members of an object while it is read.
struct JSONMembers {
    private(set) var list: [JSONValue.Member] = []
    private let dialect: JSONDialect
    /// Places of the keys, once there are so many that looking through the list would take long.
    private var places: [[UInt8]: Int] = [:]
    private static let few = 16

    init(_ dialect: JSONDialect) { self.dialect = dialect }

    mutating func append(_ member: JSONValue.Member) {
        if dialect == .python, let place = place(of: member.key) {
            list[place].value = member.value
            return
        }
        list.append(member)
        guard dialect == .python else { return }
        if list.count == Self.few {
            for (place, member) in list.enumerated() { places[Array(member.key.utf8)] = place }
        } else if list.count > Self.few {
            places[Array(member.key.utf8)] = list.count - 1
        }
    }

    // Keys are equal when their bytes are: Swift's `==` of strings takes é in one scalar and in two for the same.
    private func place(of key: String) -> Int? {
        if list.count >= Self.few { return places[Array(key.utf8)] }
        return list.firstIndex { $0.key.utf8.elementsEqual(key.utf8) }
    }
}
