/// The number of something in a feedback store. The subject keeps numbers of different things apart.
package struct Identity<Subject>: Hashable, Comparable, Sendable, CustomStringConvertible {
    package let value: Int64

    package init(_ value: Int64) { self.value = value }

    package static func < (a: Self, b: Self) -> Bool { a.value < b.value }
    package var description: String { "\(value)" }
}

/// Written as the bare number.
extension Identity: Codable {
    package init(from decoder: any Decoder) throws {
        value = try decoder.singleValueContainer().decode(Int64.self)
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(value)
    }
}

/// What prompts are, for their identities alone: the machine never sees a text.
package enum Prompt {}
/// What answers are, for their identities alone.
package enum Answer {}

package typealias PersonID = Identity<Person>
package typealias PromptID = Identity<Prompt>
package typealias AnswerID = Identity<Answer>
package typealias TaskID = Identity<LabelTask>
package typealias LeaseID = Identity<Lease>
package typealias ActID = Identity<Act>

/// Milliseconds since 1970 in UTC.
package typealias UnixMilliseconds = Int64
