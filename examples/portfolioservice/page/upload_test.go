package page

import (
	"bytes"
	"context"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
)

// aStatement is what a Flex query gives for an account that bought and sold in one week.
const aStatement = `<FlexQueryResponse queryName="week" type="AF"><FlexStatements count="1">
<FlexStatement accountId="DU1000050" fromDate="20250512" toDate="20250516" whenGenerated="20250517;060000">
<OpenPositions>
<OpenPosition currency="USD" assetCategory="STK" symbol="XYZ" conid="77" position="15" markPrice="46" costBasisMoney="600.75" levelOfDetail="SUMMARY" />
</OpenPositions>
<Trades>
<Trade currency="USD" assetCategory="STK" symbol="XYZ" conid="77" dateTime="20250515;103000" quantity="-5" tradePrice="44" ibCommission="-1" openCloseIndicator="C" cost="-200.25" fifoPnlRealized="18.75" transactionID="1002" />
<Trade currency="USD" assetCategory="STK" symbol="XYZ" conid="77" dateTime="20250514;103000" quantity="20" tradePrice="40" ibCommission="-1" openCloseIndicator="O" cost="801" fifoPnlRealized="0" transactionID="1001" />
</Trades>
</FlexStatement>
</FlexStatements></FlexQueryResponse>`

// upload sends files of a form as a browser does, each under its field's name.
func (r *rig) upload(name string, files ...string) answer {
	r.t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	for i := 0; i < len(files); i += 2 {
		part, err := w.CreateFormFile(files[i], "week.xml")
		require.NoError(r.t, err)
		_, err = part.Write([]byte(files[i+1]))
		require.NoError(r.t, err)
	}
	require.NoError(r.t, w.Close())
	return r.do("ann", http.MethodPost, r.path(name, "statement"), b.String(), "Content-Type", w.FormDataContentType())
}

// Few files are read at once; others wait, as long as somebody waits for them.
func TestUploadsWait(t *testing.T) {
	r := newRig(t)
	r.create("ann", accounts.Balanced50K("DU1000050"))
	u := &r.handler.(*Page).uploads
	for range maxReading - 1 {
		_, err := u.begin(t.Context())
		require.NoError(t, err)
	}
	r.follow("ann", r.upload("Balanced-50K", "statement", aStatement))
	end, err := u.begin(t.Context())
	require.NoError(t, err)
	gone, leave := context.WithCancel(t.Context())
	leave()
	_, err = u.begin(gone)
	require.ErrorIs(t, err, context.Canceled)
	end()
	r.follow("ann", r.upload("Balanced-50K", "statement", aStatement))
}

// A statement is shown first, imported then, and held against the book; importing it again changes nothing.
func TestUpload(t *testing.T) {
	r := newRig(t)
	r.create("ann", accounts.Balanced50K("DU1000050"))
	before := r.stand()
	text := r.follow("ann", r.upload("Balanced-50K", "statement", aStatement))
	require.Contains(t, plain(text), "12 May 2025 to 16 May 2025")
	require.Contains(t, plain(text), "2 facts that the book does not have")
	require.NoError(t, wellFormed(text))
	require.Equal(t, before, r.stand(), "looking at a file imports nothing")
	f := formTo(t, text, r.path("Balanced-50K", "statement"))
	text = r.follow("ann", r.send("ann", f))
	require.Len(t, r.portfolio("ann", "Balanced-50K").Positions(), 1)
	require.Contains(t, plain(text), "It is in the book.")
	require.NotContains(t, plain(text), "What differs")
	require.NotContains(t, plain(text), "rounding")
	require.NoError(t, wellFormed(text))
	stand := r.stand()
	r.follow("ann", r.send("ann", f))
	require.Equal(t, stand, r.stand())

	text = r.follow("ann", r.upload("Balanced-50K", "statement", strings.Replace(aStatement, `costBasisMoney="600.75"`, `costBasisMoney="700"`, 1)))
	require.Contains(t, plain(text), "What differs")
	require.Contains(t, plain(text), "−99.25")
	require.NoError(t, wellFormed(text))
	require.Equal(t, stand, r.stand())

	text = r.follow("ann", r.upload("Balanced-50K", "statement", strings.Replace(aStatement, `costBasisMoney="600.75"`, `costBasisMoney="600.74"`, 1)))
	require.Contains(t, plain(text), "1 of those that agree differs by 0.01 at most, which the broker’s rounding explains.")
	require.NotContains(t, plain(text), "What differs")
	require.NoError(t, wellFormed(text))

	left := `<Transfers><Transfer currency="USD" assetCategory="STK" symbol="ZZZ" conid="990" dateTime="20250514;100000" quantity="5" transactionID="991" /></Transfers></FlexStatement>`
	text = plain(r.follow("ann", r.upload("Balanced-50K", "statement", strings.Replace(strings.ReplaceAll(aStatement, "DU1000050", "DU***0050"), "</FlexStatement>", left, 1))))
	require.Contains(t, text, "1 row left out", "a masked id is the account's, and what is left out is said")
	require.NotContains(t, text, "It is in the book.")
	require.Equal(t, stand, r.stand())
	r.clock.set(rigNow.Add(uploadLife))
	require.Contains(t, r.send("ann", f).text(t, http.StatusNotFound), "The file is not here any more.")
}

// What is no statement of the account is refused in words, and nothing is taken in.
func TestUploadRefuses(t *testing.T) {
	r := newRig(t)
	r.create("ann", accounts.Balanced50K("DU1000050"))
	r.create("ann", accounts.Optimal100K("U1000100"))
	before := r.stand()
	text := r.upload("Optimal-100K", "statement", aStatement).text(t, http.StatusConflict)
	require.Contains(t, text, "This statement is of another account.")
	require.Contains(t, text, "DU•••0050")
	require.Contains(t, r.upload("Balanced-50K", "statement", aStatement[:800]).text(t, http.StatusUnprocessableEntity), "Line 8")
	for _, bad := range []string{"nonsense", "<a/>", "a,b\n1,2\n", `<FlexQueryResponse><FlexStatements/></FlexQueryResponse>`, "\x00\xff"} {
		r.upload("Balanced-50K", "statement", bad).text(t, http.StatusUnprocessableEntity)
	}
	require.Contains(t, r.upload("Balanced-50K", "statement", "").text(t, http.StatusUnprocessableEntity), "No file was chosen.")
	r.upload("Balanced-50K", "other", aStatement).text(t, http.StatusBadRequest)
	r.upload("Balanced-50K", "statement", aStatement, "statement", aStatement).text(t, http.StatusBadRequest)
	r.upload("Balanced-50K").text(t, http.StatusBadRequest)
	r.do("ann", http.MethodPost, r.path("Balanced-50K", "statement"), aStatement, "Content-Type", "application/xml").text(t, http.StatusBadRequest)
	r.do("ann", http.MethodPost, r.path("Balanced-50K", "statement"), "--b\r\nbroken", "Content-Type", "multipart/form-data; boundary=b").text(t, http.StatusBadRequest)
	r.upload("Balanced-50K", "statement", "<!--"+strings.Repeat("x", maxUpload)+"-->").text(t, http.StatusRequestEntityTooLarge)
	require.Equal(t, before, r.stand())

	at := r.upload("Balanced-50K", "statement", aStatement).Header().Get("Location")
	key := at[strings.LastIndex(at, "/")+1:]
	r.get("ann", r.path("Optimal-100K", "statement", key)).text(t, http.StatusNotFound)
	r.get("bob", at).text(t, http.StatusNotFound)
	require.Equal(t, before, r.stand())
}

// A statement that tells in another form what the book may have is refused in words.
func TestUploadOfOtherLevels(t *testing.T) {
	r := newRig(t)
	r.create("ann", accounts.Balanced50K("DU1000050"))
	f := formTo(t, r.follow("ann", r.upload("Balanced-50K", "statement", aStatement)), r.path("Balanced-50K", "statement"))
	r.follow("ann", r.send("ann", f))
	before := r.stand()
	orders := strings.ReplaceAll(aStatement, `transactionID="100`, `levelOfDetail="ORDER" ibOrderID="7`)
	at := r.upload("Balanced-50K", "statement", strings.Replace(orders, `quantity="20"`, `quantity="21"`, 1)).Header().Get("Location")
	const words = "The book may have in another form what it tells"
	require.Contains(t, r.get("ann", at).text(t, http.StatusOK), words, "the file is shown, and what is wrong with it")
	text := r.send("ann", f.with("file", at[strings.LastIndex(at, "/")+1:])).text(t, http.StatusConflict)
	require.Contains(t, text, "was not imported")
	require.Contains(t, text, words)
	require.Equal(t, before, r.stand(), "nothing may be taken in")
}

// Files that are kept are bounded in size and in time.
func TestUploadsAreBounded(t *testing.T) {
	var u uploads
	first := u.keep(&upload{text: make([]byte, maxKept/2), profile: "p", at: rigNow})
	second := u.keep(&upload{text: make([]byte, maxKept/2), profile: "p", at: rigNow.Add(time.Second)})
	require.NotNil(t, u.find(first, "p", rigNow))
	require.Nil(t, u.find(first, "q", rigNow), "another profile's")
	third := u.keep(&upload{text: make([]byte, 1), profile: "p", at: rigNow.Add(2 * time.Second)})
	require.Nil(t, u.find(first, "p", rigNow), "the oldest makes room")
	require.NotNil(t, u.find(second, "p", rigNow))
	require.NotNil(t, u.find(third, "p", rigNow))
	u.keep(&upload{profile: "p", at: rigNow.Add(uploadLife + 5*time.Second)})
	require.Len(t, u.of, 1, "what is too old goes")
}
