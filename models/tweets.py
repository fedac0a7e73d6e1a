"""The file of tweets (Sap et al., NAACL 2022), largeScale.csv: which of its columns say what."""

FLAGS = {"targets_black_people": "targetsBlackPeople", "is_aae": "isAAE", "is_vulgar": "vulgar"}
ATTITUDES = {  # as the attitudes data set calls them: the column
    "freedom of speech": "freeSpeech",
    "harm of hate speech": "harmHateSpeech",
    "racist beliefs": "racism",
    "traditionalism": "traditionalism",
    "language purism": "lingPurism",
    "empathy": "empathy",
    "altruism": "altruism",
}
