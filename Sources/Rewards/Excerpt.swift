extension String {
    /// The start of a text that comes from somebody else, for a message: one line of at most so many characters. What a
    /// server or program says may be of any length, and messages of the cluster may not.
    package func excerpt(_ limit: Int = 200) -> String {
        // Scalars, because a single character may be of any length too.
        var scalars = String.UnicodeScalarView()
        for scalar in unicodeScalars.prefix(limit) {
            scalars.append(scalar.properties.generalCategory == .control ? " " : scalar)
        }
        let isWhole =
            unicodeScalars.index(unicodeScalars.startIndex, offsetBy: limit, limitedBy: unicodeScalars.endIndex)
            .map { $0 == unicodeScalars.endIndex } ?? true
        return String(scalars) + (isWhole ? "" : "...")
    }
}
