package sim

import (
	"crypto"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/go-json-experiment/json"
)

// admitCloud checks the identity of a request to a cloud. A client's secret is
// "secret-of-" and its id, a session token "session-of-" and the key's id.
func (s *Server) admitCloud(f *family, r *http.Request, place keyPlace, body []byte) *failure {
	bearer, token := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	unknown := &failure{status: http.StatusUnauthorized, kind: unauthenticated, message: "The access token is missing, invalid, audience is incorrect, or have expired."}
	switch {
	case place == inAPIKey && token, place == inGoogToken && token:
		if !s.gave(f.name, bearer) {
			return unknown
		}
		return nil
	case place == inAPIKey:
		if key := r.Header.Get("Api-Key"); key == "" || strings.HasPrefix(key, "bad") {
			return unknown
		}
		return nil
	case place == inGoogToken:
		return f.admit(r, inGoogKey)
	case token:
		if strings.HasPrefix(bearer, "bad") {
			return &failure{status: http.StatusForbidden, kind: unauthenticated, message: "Authentication failed: Please make sure your API Key is valid."}
		}
		return nil
	}
	return s.verify(r, body)
}

// tokenFor is how long a token serves.
const tokenFor = time.Hour

// give makes an access token: its end, and a seal over it.
func (s *Server) give(w http.ResponseWriter, vendor string) {
	end := strconv.FormatInt(s.now().Add(tokenFor).Unix(), 10)
	show(w, map[string]any{
		"token_type": "Bearer", "expires_in": int(tokenFor.Seconds()),
		"access_token": end + "." + base64.RawURLEncoding.EncodeToString(s.mac("token", vendor, end)),
	})
}

// gave says whether a token was given for a vendor and has not ended.
func (s *Server) gave(vendor, token string) bool {
	end, seal, _ := strings.Cut(token, ".")
	at, err := strconv.ParseInt(end, 10, 64)
	return err == nil && s.now().Unix() < at && seal == base64.RawURLEncoding.EncodeToString(s.mac("token", vendor, end))
}

// refuseToken answers as token servers do.
func refuseToken(w http.ResponseWriter, status int, code, text string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(encode(map[string]string{"error": code, "error_description": text}))
}

// tokenServers registers what gives tokens to accounts of the clouds.
func (s *Server) tokenServers(f *family) {
	switch f.name {
	case "azure":
		s.mux.HandleFunc("POST /entra/{tenant}/oauth2/v2.0/token", func(w http.ResponseWriter, r *http.Request) {
			r.Body = http.MaxBytesReader(w, r.Body, maxBody)
			id, secret := r.PostFormValue("client_id"), r.PostFormValue("client_secret")
			switch {
			case r.PostFormValue("grant_type") != "client_credentials":
				refuseToken(w, http.StatusBadRequest, "unsupported_grant_type", "AADSTS70003: The app requested an unsupported grant type.")
			case r.PostFormValue("scope") != "https://cognitiveservices.azure.com/.default":
				refuseToken(w, http.StatusBadRequest, "invalid_scope", "AADSTS70011: The provided value for the input parameter 'scope' is not valid.")
			case secret != "secret-of-"+id:
				refuseToken(w, http.StatusUnauthorized, "invalid_client", "AADSTS7000215: Invalid client secret provided.")
			default:
				s.give(w, f.name)
			}
		})
	case "vertex":
		s.mux.HandleFunc("POST "+f.prefix+"/token", func(w http.ResponseWriter, r *http.Request) {
			r.Body = http.MaxBytesReader(w, r.Body, maxBody)
			if err := s.assertion(r.PostFormValue("grant_type"), r.PostFormValue("assertion")); err != nil {
				refuseToken(w, http.StatusBadRequest, "invalid_grant", err.Error())
				return
			}
			s.give(w, f.name)
		})
		s.mux.HandleFunc("GET "+f.prefix+"/service-account.json", func(w http.ResponseWriter, r *http.Request) {
			key, err := s.account.key()
			if err != nil {
				http.Error(w, err.Error(), http.StatusInternalServerError)
				return
			}
			show(w, map[string]string{
				"type": "service_account", "project_id": "sim", "private_key_id": "1", "client_email": serviceEmail,
				"private_key": string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})),
				"token_uri":   "http://" + r.Host + f.prefix + "/token",
			})
		})
	}
}

const serviceEmail = "sim@sim.iam.gserviceaccount.com"

// serviceAccount is the one service account that there is.
type serviceAccount struct {
	once sync.Once
	made *rsa.PrivateKey
	err  error
}

func (a *serviceAccount) key() (*rsa.PrivateKey, error) {
	a.once.Do(func() { a.made, a.err = rsa.GenerateKey(rand.Reader, 2048) })
	return a.made, a.err
}

// assertion checks what a service account asks for a token with.
func (s *Server) assertion(grant, jwt string) error {
	parts := strings.Split(jwt, ".")
	if grant != "urn:ietf:params:oauth:grant-type:jwt-bearer" || len(parts) != 3 {
		return fmt.Errorf("no assertion")
	}
	signature, err := base64.RawURLEncoding.DecodeString(parts[2])
	if err != nil {
		return fmt.Errorf("the signature can't be read: %w", err)
	}
	key, err := s.account.key()
	if err != nil {
		return err
	}
	sum := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	if err := rsa.VerifyPKCS1v15(&key.PublicKey, crypto.SHA256, sum[:], signature); err != nil {
		return fmt.Errorf("Invalid JWT Signature: %w", err) //nolint:staticcheck // Google's words
	}
	raw, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return fmt.Errorf("the claims can't be read: %w", err)
	}
	var claims struct {
		Issuer string  `json:"iss"`
		Scope  string  `json:"scope"`
		End    float64 `json:"exp"`
	}
	switch err := json.Unmarshal(raw, &claims); {
	case err != nil:
		return fmt.Errorf("the claims can't be read: %w", err)
	case claims.Issuer != serviceEmail, claims.Scope != "https://www.googleapis.com/auth/cloud-platform":
		return fmt.Errorf("account not found, or not for this scope")
	case int64(claims.End) <= s.now().Unix():
		return fmt.Errorf("the assertion has expired")
	}
	return nil
}

// signedBy finds the parts of a signature's header.
func signedBy(header string) (key, scope, headers, signature string, ok bool) {
	fields, ok := strings.CutPrefix(header, "AWS4-HMAC-SHA256 ")
	if !ok {
		return "", "", "", "", false
	}
	for field := range strings.SplitSeq(fields, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(field), "=")
		switch name {
		case "Credential":
			key, scope, _ = strings.Cut(value, "/")
		case "SignedHeaders":
			headers = value
		case "Signature":
			signature = value
		}
	}
	return key, scope, headers, signature, key != "" && headers != "" && signature != ""
}

// slack is how far a signature's time may be off.
const slack = 5 * time.Minute

// verify computes the signature (version 4) of a request anew.
func (s *Server) verify(r *http.Request, body []byte) *failure {
	deny := func(name, text string) *failure {
		return &failure{status: http.StatusForbidden, kind: unauthenticated, code: name, message: text}
	}
	key, scope, names, signature, ok := signedBy(r.Header.Get("Authorization"))
	if !ok {
		return deny("MissingAuthenticationTokenException", "Missing Authentication Token")
	}
	date := r.Header.Get("X-Amz-Date")
	at, err := time.Parse("20060102T150405Z", date)
	parts := strings.Split(scope, "/") // day, region, service, aws4_request
	signed := strings.Split(names, ";")
	now := s.now().UTC()
	session := r.Header.Get("X-Amz-Security-Token")
	switch {
	case err != nil || len(parts) != 4 || parts[0] != date[:8] || parts[2] != "bedrock" || parts[3] != "aws4_request":
		return deny("IncompleteSignatureException", "Credential should be scoped to a valid date, region and service.")
	case !slices.Contains(signed, "host") || !slices.Contains(signed, "x-amz-date") || session != "" && !slices.Contains(signed, "x-amz-security-token"):
		return deny("IncompleteSignatureException", "'host' and all 'x-amz-*' headers must be signed.")
	case strings.HasPrefix(key, "ASIA") != (session != "") || session != "" && session != "session-of-"+key:
		return deny("UnrecognizedClientException", "The security token included in the request is invalid.")
	case at.Before(now.Add(-slack)):
		return deny("InvalidSignatureException", fmt.Sprintf("Signature expired: %s is now earlier than %s (%s - 5 min.)", date, now.Add(-slack).Format("20060102T150405Z"), now.Format("20060102T150405Z")))
	case at.After(now.Add(slack)):
		return deny("InvalidSignatureException", fmt.Sprintf("Signature not yet current: %s is still later than %s (%s + 5 min.)", date, now.Add(slack).Format("20060102T150405Z"), now.Format("20060102T150405Z")))
	}
	var canonical strings.Builder
	path, _, _ := strings.Cut(r.RequestURI, "?")
	canonical.WriteString(r.Method + "\n" + escapeAgain(path) + "\n" + canonicalQuery(r.URL.Query()) + "\n")
	for _, name := range signed {
		value := strings.Join(r.Header.Values(name), ",")
		switch name {
		case "host":
			value = r.Host
		case "content-length":
			value = strconv.FormatInt(r.ContentLength, 10)
		}
		canonical.WriteString(name + ":" + strings.Join(strings.Fields(value), " ") + "\n")
	}
	sum := sha256.Sum256(body)
	canonical.WriteString("\n" + names + "\n" + hex.EncodeToString(sum[:]))
	hashed := sha256.Sum256([]byte(canonical.String()))
	text := "AWS4-HMAC-SHA256\n" + date + "\n" + scope + "\n" + hex.EncodeToString(hashed[:])
	secret := []byte("AWS4secret-of-" + key)
	for _, part := range append(parts, text) {
		h := hmac.New(sha256.New, secret)
		_, _ = h.Write([]byte(part))
		secret = h.Sum(nil)
	}
	if !hmac.Equal([]byte(hex.EncodeToString(secret)), []byte(signature)) {
		return deny("InvalidSignatureException", "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method.")
	}
	return nil
}

// escapeAgain escapes what an escaped path still has of signs.
func escapeAgain(path string) string {
	var b strings.Builder
	for i := range len(path) {
		c := path[i]
		if 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("-._~/", c) >= 0 {
			b.WriteByte(c)
			continue
		}
		fmt.Fprintf(&b, "%%%02X", c)
	}
	return b.String()
}

// canonicalQuery sorts a query by its escaped names and values.
func canonicalQuery(query url.Values) string {
	var pairs []string
	for name, values := range query {
		for _, v := range values {
			pairs = append(pairs, strings.ReplaceAll(url.QueryEscape(name)+"="+url.QueryEscape(v), "+", "%20"))
		}
	}
	slices.Sort(pairs)
	return strings.Join(pairs, "&")
}
