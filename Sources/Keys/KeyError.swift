/// What is wrong with keys, and what to do about it. Nothing of a secret stands in it.
package struct KeyError: Error, Sendable, CustomStringConvertible {
    package let message: String
    package var description: String { message }

    package init(_ message: String) { self.message = message }
}
