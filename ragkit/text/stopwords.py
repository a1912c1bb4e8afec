"""Stop words of the languages that ragkit distinguishes: to guess a text's language and to shorten a question."""

from __future__ import annotations

from typing import Final

# Lower case, as written (with accents). Words are in several lists where they belong to several languages.
STOP_WORDS: Final[dict[str, str]] = {
    "en": """a about above after again against all also am an and any are as at be because been before being below
    between both but by can can't cannot could couldn't did didn't do does doesn't doing don't down during
    each either else ever every few for from further get gets got had hadn't has hasn't have haven't having
    he her here hers herself him himself his how however i i'm if in into is isn't it it's its itself just
    let's me might more most much must mustn't my myself neither no nor not now of off on once one's only or
    other ought our ours ourselves out over own per please same shall she should shouldn't since so some
    such than that that's the their theirs them themselves then there there's these they they're this those
    though through thus to too under until unless up upon us very via was wasn't we we're were weren't what
    what's whatever when where whether which while who who's whom whose why will with within without won't
    would wouldn't yet you you're your yours yourself""",
    "de": """aber alle allem allen aller alles als also am an ander andere anderen anderer anderes auch auf aus bei
    beim bin bis bist da dabei dafür dagegen daher damit dann daran darauf daraus darf das dass daß davon
    dazu dein deine deinem deinen deiner dem den denen denn der deren des dessen dich die dies diese diesem
    diesen dieser dieses dir doch dort du durch ein eine einem einen einer eines einige es etwa euch euer
    eure für gegen gibt hab habe haben hat hatte hatten hier hin hinter ich ihm ihn ihnen ihr ihre ihrem
    ihren ihrer im in indem ins ist ja jede jedem jeden jeder jedes jene jetzt kann kein keine keinem keinen
    keiner können könnte mal man manche mehr mein meine meinem meinen meiner mich mir mit muss muß müssen
    nach nicht nichts noch nun nur ob oder ohne sehr sein seine seinem seinen seiner seit sich sie sind so
    solche soll sollen sollte sondern sonst über um und uns unser unsere unserem unseren unter viel vom von
    vor wann war waren warum was weil welche welchem welchen welcher welches wenn wer werde werden weshalb
    wie wieder wieso wieviel will wir wird wirst wo wobei wofür wohin wollen woher worden wurde wurden
    während zu zum zur zwar zwischen""",
    "fr": """à afin ai ainsi alors après as au aucun aucune aujourd'hui auquel aussi autre autres aux avant avec avez
    avoir avons ayant beaucoup c'est ça car ce ceci cela celle celles celui cependant ces cet cette ceux
    chaque chez ci combien comme comment dans de depuis des dès deux devant doit doivent donc dont du duquel
    elle elles en encore entre es est est-ce et étaient était étant été être eu eux fait faut font furent
    hors ici il ils j'ai je jusque l'on la là laquelle le lequel les lesquelles lesquels leur leurs lors
    lorsque lui ma mais me même mêmes mes moi moins mon n'est ne ni nos notre nous on ont or ou où par parce
    pas pendant peu peut peuvent plus plusieurs pour pourquoi puis puisque qu'est-ce qu'il quand que quel
    quelle quelles quels qui quoi s'il sa sans se selon sera seront ses si soit son sont sous soyez suis sur
    ta te tes toi ton tous tout toute toutes très trop tu un une vers voici voilà vos votre vous y""",
    "es": """a acerca al algo algunas alguno algunos allí ambos ante antes aquel aquella aquí así aun aunque bajo
    bien cada casi como cómo con contra cosas cual cuál cuales cuáles cuando cuándo cuánto cuánta cuántos
    cuántas cuanto de del desde donde dónde dos durante e el él ella ellas ello ellos en entre era eran eres
    es esa esas ese eso esos está están estaba estado estamos estar estas este esto estos estoy fue fueron
    ha había han has hasta hay he la las le les lo los más me mediante mi mí mientras mis mucho muchos muy
    nada ni no nos nosotros nuestra nuestras nuestro nuestros o os otra otras otro otros para pero poco por
    porque pues puede pueden qué que quien quién quienes se según sea sean ser será si sí sido siempre sin
    sino sobre sois somos son su sus también tampoco tan tanto te tendrá tener tengo ti tiene tienen todo
    todos toda todas tras tu tú tus un una unas uno unos usted ustedes vosotros y ya yo""",
    "it": """a abbiamo ad agli ai al alcune alcuni all alla alle allo allora anche ancora avere aveva avevano avete
    c'è che chi ci ciò circa cioè col come con contro cosa così cui da dagli dai dal dall dalla dalle dallo
    degli dei del dell della delle dello dentro di dopo dov'è dove due durante e è ed era erano essere fa
    fino fra gli ha hai hanno ho i il in io la là le lei li lì lo loro lui ma me mentre mi mia mie miei mio
    molta molti molto ne negli nei nel nell nella nelle nello noi non nostra nostri nostro o ogni oppure per
    perché perciò però più poi poiché può possono prima proprio qual quale quali quando quanta quante quanti
    quanto quei quel quella quelle quelli quello questa queste questi questo qui quindi sarà saranno se sei
    senza si sì sia siamo siano siete sono sta stata state stati stato su sua sue sugli sui sul sull sulla
    sulle suo suoi tra tu tua tuo tutta tutte tutti tutto un una uno vi voi vostra vostro""",
    "nl": """aan af al alle als altijd andere ben bij daar dan dat de der deze die dit doch doen door dus een eens en
    er ge geen geweest haar had hadden heb hebben heeft hem hen het hier hij hoe hoeveel hun iemand iets ik
    in is ja je jij jou jouw jullie kan kon kunnen maar me meer men met mij mijn moet moeten na naar niet
    niets nog nu of om omdat onder ons onze ook op over reeds sinds te tegen toch toen tot u uit uw van
    vanaf veel voor waar waarom wanneer want waren was wat we wel welk welke werd werden wie wij wil worden
    wordt zal ze zelf zich zij zijn zo zoals zonder zou zouden""",
    "pt": """a à ao aos aquela aquele aqueles aquilo as às até cada com como da das de dela dele deles depois do dos
    duas e é ela elas ele eles em enquanto entre era eram essa essas esse esses esta está estão estar estas
    estava este estes estou eu foi foram fosse há isso isto já lhe lhes mais mas me mesmo meu meus minha
    muito muitos na não nas nem no nos nós nossa nosso num numa o onde os ou para pela pelas pelo pelos pode
    podem por porque porquê porém qual quais quando quanta quantas quanto quantos que quê quem se sem ser
    será seu seus só sobre sou sua suas são também tem têm tendo ter teu teve tinha toda todas todo todos tu
    tua um uma umas uns você vocês vos""",
    "sv": """alla allt att av blev bli blir de dem den denna deras dess dessa det detta dig din dina ditt du där
    därför då efter ej eller en er ert ett från för ha hade han hans har hon hos hur här i icke ingen inom
    inte jag ju kan kunde man med mellan men mig min mina mitt mot mycket måste ni nu när någon något några
    och om oss på samma sedan ska skall skulle sig sin sina sitt själv som så sådan till under upp ut utan
    vad var vara varför varit varje vars vem vi vid vilka vilken vilket vår våra vårt än är åt över""",
    "da": """af alle andet at blev blive bliver da de dem den denne der deres det dette dig din disse dog du efter
    eller en end er et for fra ha han hans har havde have hende her hos hun hvad hvem hver hvilke hvilken
    hvilket hvis hvor hvordan hvorfor hvornår i ikke ind ingen jeg jer kan kunne man mange med meget men mig
    min mit mod må ned noget nogle nu når og også om op os over på selv sig sin skal skulle som sådan til ud
    under var ved vi vil ville vor være været""",
    "no": """alle at av ble bli blir både da de dem den denne der deres det dette deg din disse du eller en er et
    etter for fordi fra før ha hadde han hans har henne her hun hva hvem hver hvilke hvilken hvilket hvis
    hvor hvordan hvorfor ikke i ingen inn jeg kan kunne man mange med meg mellom men min mot må når noe noen
    nå og også om opp oss over på seg selv sin skal skulle slik som så til under ut uten var ved vi vil
    ville være vært vår""",
    "fi": """ei eivät emme en enää että ette hän häneen hänen he heidän heille ja joka jos jossa jota jotka kaikki
    kanssa koska kuin kuinka kuka kun me meidän meille mikä miksi milloin mitä missä miten mutta myös ne
    niiden niin niitä noin nyt nämä näiden olemme olen olet oli olivat olla olleet ollut on ovat paljon se
    sekä sen siitä sinä sitä siellä tai tämä tämän tässä te tuo vaan vain voi voidaan""",
    "pl": """a aby ale bardzo bez będzie bo był była było były być ci co czy czym dla do gdy gdzie go i ich ile im
    innych ja jak jaka jakie jaki jako je jego jej jest jestem jeszcze jeśli już każdy kiedy która które
    którego której który którzy kto lub ma mają mi może można mnie moja mój na nad nam nas nasz nie nich nim
    niż o od on ona one oni oraz po pod ponieważ przed przez przy są się ta tak także tam te tego tej ten to
    tych tylko tym u w we wszystkie z za ze że żeby""",
    "cs": """aby ale ani asi až bez bude budou by byl byla byli bylo být co což či další do ho i jak jaká jaké jaký
    jako je jeho jej její jejich jen jestli ještě ji již jsem jsme jsou k kde kdo kdy kolik která které
    který kteří ke má mají mezi může na nad nebo není než o od on ona oni po pod podle pokud pouze pro proč
    před při s se si svůj ta tak také tato tedy ten tento to toho tuto tyto u už v ve více však všechny vy z
    za ze že""",
    "ro": """a acea aceasta această aceste acest acesta acum ai al ale am ar are asupra au avea ca că care cât câte
    câți ce cel cea cei cele cine cu cum când dacă dar de deci despre din după e ea ei el ele era este eu fi
    fie fiecare fost fără în între îi îl își la le lor lui mai mult nu o ori pe pentru poate prin sau să se
    sunt și toate tot un unde unei unor unui va vor""",
    "hu": """a az abban ahhoz ahogy aki akik akkor alá általában amely amelyek ami amíg annak arra át azok azon azt
    be csak de e egy egyéb egyes egyik ehhez el elő én és ez ezek ezen ezért ezt fel hanem hogy hogyan hol
    honnan így ill. illetve is itt ki kell kellett között le lehet lesz meg mert mi miért mikor milyen mind
    minden mint mit most már ne nem nincs ő ők őket olyan össze pedig s sem szerint ti több után úgy vagy
    vagyis van vannak volt voltak""",
    "tr": """acaba ama ancak bana bazı belki ben beni benim bir biri birkaç biz bize bizim bu buna bunda bundan
    bunlar bunu bunun çok çünkü da daha dahi de defa değil diye dolayı en gibi göre hangi hem henüz hep her
    hiç için ile ise kadar karşı kendi ki kim mi mı mu mü nasıl ne neden nerede niçin niye o olan olarak
    olduğu olup on ona ondan onlar onu onun oysa sen siz şey şu tüm ve veya ya yani""",
    "ru": """а без более бы был была были было быть в вам вас весь во вот все всё всего всех вы где да даже для до
    его ее её если есть еще ещё же за здесь и из или им их к как какая какие какой когда кто ли либо между
    меня мне может мы на над нас наш не него нее нет ни них но ну о об однако он она они оно от очень по под
    почему при с сам свой своих себя сколько со так также такой там то того тоже только том тот тут ты у уже
    хотя чего чей чем что чтобы чьё эта эти это этого этой этом этот я""",
    "el": """αλλά αν από αυτή αυτό αυτός για δεν εάν εγώ είμαι είναι ένα ένας εμείς εσύ έχει έχουν η ήταν θα και κάθε
    κατά με μετά μη μην μία μου να ο οι όμως όπως όταν ότι πόσο πότε που πού προς πριν πως πώς σαν σε στα
    στη στην στις στο στον στους τα τη την της τι τις το τον του τους των ως""",
}
