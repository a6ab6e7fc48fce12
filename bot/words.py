"""Word lists: what carries no content, and what is certainly nobody's name or secret.

Written by hand for this project. English and the commonest function words of German, French and
Spanish. Masking keeps only words of ``COMMON_WORDS`` and of the desk's own articles, so a word
missing here costs likeness, never secrecy; a name must therefore never be added.
"""

from __future__ import annotations


def _listed(text: str) -> frozenset[str]:
    return frozenset(text.split())


STOP_WORDS: frozenset[str] = _listed(
    """
    a an and are as at be been being but by can could did do does doing done for from had has have
    having he her here hers him his how i if in into is it its it's just me my mine no nor not of
    off on or our ours out over own same shall she should so some such than that that's the their
    theirs them then there these they this those through to too under until up us very was we were
    what when where which while who whom whose why will with without would you you'll you're you've
    your yours i'm i've i'll i'd we'll we're we've also any all both each few more most other only
    again once about above after against before below between during further please may might must
    let lets don't doesn't didn't isn't aren't can't cannot won't
    der die das den dem des ein eine einen einem einer eines und oder aber ist sind war waren sein
    ich du er sie es wir ihr mich mir dich dir uns euch ihnen ihre ihren mein dein nicht kein keine
    auch auf an am im in zu zum zur von vom mit für bei nach aus über unter wenn dass als wie was
    wo wer man noch nur schon so sehr hat haben habe hatte wird werden wurde kann können bitte
    le la les un une des de du et ou est sont je tu il elle nous vous ils elles mon ma mes votre
    vos notre nos ne pas que qui dans pour sur avec au aux ce cette ces si plus
    el los las una unos unas y o es son yo tú usted su sus mi mis no en por para con del al que se
    """
)

COMMON_WORDS: frozenset[str] = STOP_WORDS | _listed(
    """
    able accept accepted access account accounts across action actually add added address advance
    afternoon age ago agree allow allowed almost already always amount another answer answered
    anymore anything anyway app appear appears apply approve approved april area around arrive
    arrived article articles asap ask asked asking attach attached attachment august automatic
    automatically available average avoid away back bad balance bank because become before begin
    behind believe best better big bill billed billing bills bit blank block blocked blue book both
    bottom bought box break bring broke broken browser bug business button buy call called calling
    cancel cancelled canceled cancellation card cards care carrier case cash cause change changed
    changes changing charge charged charges cheap check checked checking choose chosen clear click
    clicked close closed code cold colleague come comes coming company complain complaint complete
    completely computer confirm confirmed confirmation connect connected connection contact contract
    copy correct cost costs could country couple course create created credit currency current
    currently customer customers customs daily damage damaged data date day days dead deal dear
    debit december decide declined deduct deducted default delay delayed delete deleted deliver
    delivered delivery deposit desk detail details device devices different difficult direct
    directly disappear disappeared discount display dispute document documents dollar dollars done
    door double doubt down download due duplicate each earlier early easy edit eight either else
    email e-mail emails empty enable end ended enough enter entered entire error errors especially
    euro euros even evening event ever every everyone everything exact exactly example except
    exchange expect expected expensive expire expired explain extra fact fail failed failing fails
    failure false family far fast fault february fee fees feel field fields file files fill final
    finally find fine finish first fit five fix fixed follow followed following forgot forgotten
    form forward found four fraud free freeze frozen friday friend front full function funds further
    future gave general get gets getting give given gives giving glad go goes going gone good got
    great green ground group guess had half hand happen happened happens happy hard hardly hardware
    has hear heard heavy hello help helpful helps hi high hold home hope hour hours house however
    huge idea ideas identity immediately important impossible in include included including
    incorrect increase info inform information inside install installed instead interest invoice
    invoices issue issued issues item items january job july june keep keeps kept key kind know
    known language large last late later latest learn least leave leaving left less letter level
    light like likely limit limits line link list listed little live local lock locked log logged
    login long look looked looking loses lost lot love low lower machine made mail main make makes
    making many march mark matter maximum maybe mean meaning means meant meeting member members
    message messages method middle might mind minimum minute minutes miss missed missing mistake
    mobile model moment monday money month monthly months morning most mostly move moved much name
    named names near necessary need needed needs network never new newest news next nice night nine
    nobody none normal normally nothing notice notification notifications november now number
    numbers obviously october offer offered offers office often oh ok okay old one ones online open
    opened opening option options order ordered orders original otherwise outside overdue overview
    owe own owner package page pages paid paper parcel part parts party pass passed password past
    pay paying payment payments pays pending people per percent perhaps period permission person
    personal phone photo pick picture piece pin place plan plans play please point policy poor
    portal possible post postal power prefer press pressed previous price prices printed priority
    private probably problem problems process processed processing product products profile program
    promise promised proof proper properly protect provide provided public pull purchase purchased
    purpose push put quality question questions quick quickly quite rate rather reach reached read
    reading ready real really reason reasons receipt receive received recent recently recharge
    record recover red refer reference refund refunded refunds refuse refused regard regarding
    regards register registered reject rejected related reload remain remember reminder remove
    removed renew renewal renewed repair repeat repeatedly replace replaced replacement reply report
    reported request requested requests require required reset resolve resolved respond response
    rest restart result results return returned returning returns right role roles rule rules run
    running runs safe said sale salary same saturday save saved saw say says scan scheduled screen
    search second seconds secure security see seeing seem seems seen select selected sell send
    sender sending sends sense sensor sent separate september serious service services set setting
    settings setup seven several share shared shift ship shipment shipped shipping shop short show
    showed showing shown shows side sign signed signing similar simple simply since single site six
    size slow slowly small software soon sorry sound source spam special specific spend spent staff
    standard start started starting starts state statement states status stay step steps still
    stolen stop stopped stops store street strong stuck stupid subject subscribe subscription such
    suddenly suggest sum summer sunday support supported suppose supposed sure switch system tab
    table take taken takes taking talk team technical tell ten term terms terrible test text than
    thank thanks thing things think third thought three through thursday ticket time times tired
    title today together told tomorrow tonight took tool top total touch toward track tracking trade
    transaction transactions transfer transferred transfers travel trial tried trouble true trust
    try trying tuesday turn turned turns twice two type unable understand unfortunately unknown
    unless unlock until update updated updates upgrade upload urgent urgently use used useful user
    users uses using usual usually valid value verification verified verify version via view virtual
    visible visit wait waited waiting want wanted wants warning warranty wasn't water way website
    wednesday week weekend weekly weeks weight welcome well went weren't whatever whenever whether
    white whole wife wish within wonder wonderful won't word words work worked working works world
    worry worse worst worth write writing written wrong wrote yeah year yearly years yes yesterday
    yet
    hallo danke dank guten tag morgen abend rechnung rechnungen geld konto karte bestellung paket
    lieferung kündigen kündigung passwort anmelden hilfe frage fragen problem fehler funktioniert
    heute gestern woche monat jahr tage stunden bekommen erhalten bezahlt zahlung grüße vielen
    freundlichen leider mehr immer wieder geht gibt möchte würde brauche warum wann
    bonjour merci facture compte carte commande livraison argent problème aide aujourd'hui hier
    semaine mois jour remboursement
    hola gracias factura cuenta tarjeta pedido envío dinero problema ayuda hoy ayer semana mes día
    reembolso
    """
) - _listed("april august june may mark will rose grant summer")
"""``will`` and ``may`` come back as stop words where that list is asked itself."""
