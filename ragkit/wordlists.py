"""Word lists of the languages that ragkit tells apart: function words, denials, number words. Folded: no accents."""

from __future__ import annotations

from typing import Final


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


FUNCTION_WORDS: Final[dict[str, frozenset[str]]] = {
    "en": _words(
        "a about after all also an and any are as at be because been before being between both but by can could did "
        "do does during each for from had has have he her here him his how i if in into is it its itself just may me "
        "might more most much must my of on one or other our out over own s shall she should so some such t than that "
        "the their them then there these they this those through to too under until up upon us very was we were what "
        "when where whether which while who whom whose why will with would you your"
    ),
    "de": _words(
        "aber alle als also am an auch auf aus bei beim bin bis da dann das dass dem den denn der des die dies diese "
        "diesem diesen dieser dieses doch dort du durch ein eine einem einen einer eines er es fur habe haben hat "
        "hatte hier ich ihm ihn ihr ihre im in ins ist ja kann konnen man mein mit muss nach noch nur ob oder sein "
        "seine sich sie sind so soll uber um und uns unter vom von vor wann war waren warum was welche welchem "
        "welchen welcher welches wenn wer werden wie wieviel wieviele wir wird wo wurde zu zum zur"
    ),
    "fr": _words(
        "a au aux avec ce ces cette combien comment d dans de des du elle en est et etait eu il ils j je l la le les "
        "leur lui ma mais me mes mon nous on ont ou par pour pourquoi qu quand que quel quelle quelles quels qui quoi "
        "sa se ses son sont sur ta te tes toi ton tu un une vos votre vous y"
    ),
    "es": _words(
        "a al como con cual cuales cuando cuanto cuantos de del desde donde e el ella ellos en entre era es esa ese "
        "eso esta este esto estos fue ha han hay la las le les lo los mas me mi muy o para pero por porque que quien "
        "se ser si sin sobre son su sus tambien te tiene tu un una uno unos y ya yo"
    ),
    "it": _words(
        "a ai al alla alle anche che chi ci come con cosa da dal dalla de dei del della delle di dove e ed era essere "
        "gli ha hanno i il in la le lo loro ma mi nel nella nelle o per perche piu quale quali quando quanti quanto "
        "quello questa questo se si sono su sua suo tra tu un una uno"
    ),
    "pt": _words(
        "a ao aos as com como da das de do dos e ela ele em entre era essa esse esta este eu foi ha isso isto ja mais "
        "mas me mesmo muito na nas no nos o onde os ou para pela pelo por porque quais qual quando quanto quantos que "
        "quem sao se sem ser seu sua tem um uma"
    ),
    "nl": _words(
        "aan al als bij dan dat de der deze die dit door een en er haar had heb hebben heeft hem het hij hoe hoeveel "
        "ik in is je kan maar me met mijn naar nog nu of om onder ook op over te tot uit van veel voor waar waarom "
        "wanneer want waren was wat we welke werd wie wil worden wordt zal ze zich zij zijn zo zou"
    ),
}
"""ISO 639-1 code -> words that carry no content of their own."""

NEGATIONS: Final = _words(
    "not no never none nobody nothing neither nor without cannot cant dont doesnt didnt isnt arent wasnt werent "
    "wont wouldnt shouldnt couldnt hasnt havent hadnt mustnt nicht kein keine keinem keinen keiner keines nie "
    "niemals ohne weder ne pas jamais aucun aucune sans nunca jamas tampoco ningun ninguna sin non mai nessuno "
    "senza nao nunca nenhum niet geen nooit zonder"
)
"""Words that deny something, of all these languages."""

NUMBER_WORDS: Final[dict[str, str]] = {
    word: str(value)
    for value, words in {
        0: "zero null",
        1: "one eins",
        2: "two zwei deux",
        3: "three drei trois",
        4: "four vier quatre",
        5: "five funf cinq",
        6: "six sechs",
        7: "seven sieben sept",
        8: "eight acht huit",
        9: "nine neun neuf",
        10: "ten zehn dix",
        11: "eleven elf onze",
        12: "twelve zwolf douze",
        13: "thirteen dreizehn",
        14: "fourteen vierzehn",
        15: "fifteen funfzehn",
        16: "sixteen sechzehn",
        17: "seventeen siebzehn",
        18: "eighteen achtzehn",
        19: "nineteen neunzehn",
        20: "twenty zwanzig vingt",
        30: "thirty dreissig trente",
        40: "forty vierzig",
        50: "fifty funfzig",
        60: "sixty sechzig",
        70: "seventy siebzig",
        80: "eighty achtzig",
        90: "ninety neunzig",
        100: "hundred hundert cent",
        1000: "thousand tausend mille",
    }.items()
    for word in words.split()
}
"""Number words (English, German, French) -> digits."""
