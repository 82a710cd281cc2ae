/// What went wrong in the arithmetic of a step. Nothing here is retried: the input itself is at fault.
package struct PolicyOptimizationError: Error, CustomStringConvertible, Sendable, Equatable {
    package enum Code: String, Sendable {
        /// Arrays that describe the same tokens differ in length.
        case shape
        /// A setting is outside its range.
        case setting
        /// A number that must be finite is not.
        case notFinite
        /// Nothing to learn from: no token is in the mask.
        case empty
        /// A file could not be written or flushed.
        case io
    }

    package let code: Code
    package let message: String

    package init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    package var description: String { "\(code.rawValue): \(message)" }
}
